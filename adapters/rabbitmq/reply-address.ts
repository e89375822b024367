/** Where the answer to a request goes. */
export interface ReplyAddress {
	readonly queue: string;
	/** Tells the asker which of its requests is answered. */
	readonly correlationId: string;
}

/** Both halves as the one opaque string that a `Message` has room for. */
export function writeReplyAddress({queue, correlationId}: ReplyAddress): string {
	return `${correlationId} ${queue}`;
}

export function readReplyAddress(text: string): ReplyAddress {
	const border = text.indexOf(' ');
	return {correlationId: text.slice(0, border), queue: text.slice(border + 1)};
}
