/** What browsers may show by themselves; whatever can hold a script (HTML, SVG, XML) is saved instead. */
const HARMLESS = /^(image\/(?!svg)|audio\/|video\/|application\/pdf$)/;

/**
 * A `Content-Disposition` (RFC 6266) that shows harmless types in place and has others saved.
 * @param contentType with or without parameters
 * @param name shown when it is saved, in any script; null = none
 */
export function contentDisposition(contentType: string, name: string | null): string {
	const essence = contentType.replace(/\s*;.*$/s, '').toLowerCase();
	const disposition = HARMLESS.test(essence) ? 'inline' : 'attachment';
	return name === null ? disposition : `${disposition}; ${filenameOf(name.toWellFormed())}`;
}

/** Old clients get a name in ASCII, others the real one: nothing of either can end the header or its quotes. */
function filenameOf(name: string): string {
	const plain = name.replace(/[^ -~]|["\\%]/gu, '_');
	const quoted = `filename="${plain}"`;
	return plain === name ? quoted : `${quoted}; filename*=UTF-8''${encode(name)}`;
}

/** RFC 8187: stricter than a URL's component. */
function encode(name: string): string {
	return encodeURIComponent(name).replace(
		/['()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}
