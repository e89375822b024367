const POSITION = /^pos_(\d{1,15})$/;

/** A place in the log as clients say it, in `since`: what comes after it is missing. Opaque to them. */
export function formatPosition(seq: number): string {
	return `pos_${seq}`;
}

/** Undefined for what names no place, such as an event's id. */
export function parsePosition(text: string): number | undefined {
	const digits = POSITION.exec(text)?.[1];
	return digits === undefined ? undefined : Number(digits);
}
