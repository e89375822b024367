const MAX_LENGTH = 255;

/** What people save a file under must not say where: no folders, no control characters. */
const UNWANTED = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * A file name that somebody else gives, made safe to show and to save under: its last part, without control characters and marks that
 * turn the direction of writing (`gpj.exe` shown as `exe.jpg`), 255 UTF-16 units at most, its extension kept.
 * @returns null when nothing is left
 */
export function toDisplayName(value: unknown): string | null {
	if (typeof value !== 'string') {
		return null;
	}
	const name = value.replace(UNWANTED, '').split(/[/\\]/).at(-1)?.trim() ?? '';
	return name === '' || /^\.+$/.test(name) ? null : shorten(name).toWellFormed();
}

function shorten(name: string): string {
	if (name.length <= MAX_LENGTH) {
		return name;
	}
	const extension = /\.[a-z0-9]{1,10}$/i.exec(name)?.[0] ?? '';
	return name.slice(0, MAX_LENGTH - extension.length) + extension;
}
