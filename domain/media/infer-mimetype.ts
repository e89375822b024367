import {mimetypeOfName} from './mimetype-of-name.ts';
import {SNIFFED_BYTES, sniffMimetype} from './sniff-mimetype.ts';

/** What may be anything. */
export const UNKNOWN_MIMETYPE = 'application/octet-stream';

/** Formats that are archives inside: their name says more than their first bytes. */
const ARCHIVES = /^application\/(vnd\.|epub)/;

/** What no text contains. */
const CONTROL = /[\x00-\x08\x0e-\x1a\x1c-\x1f]/;

/**
 * What a file is: by its content, else by its name, else whether it can be read as text. Content comes first, because a name can
 * say anything; text comes last, because of CSV, JSON and vCards only the name knows.
 * @param head the first `SNIFFED_BYTES` of the file
 * @returns `application/octet-stream` when nothing tells
 */
export function inferMimetype(head: Uint8Array, filename: string | null): string {
	const byContent = sniffMimetype(head);
	const byName = filename === null ? undefined : mimetypeOfName(filename);
	if (byContent === 'application/zip' && byName !== undefined && ARCHIVES.test(byName)) {
		return byName;
	}
	return byContent ?? byName ?? (isText(head) ? 'text/plain' : UNKNOWN_MIMETYPE);
}

function isText(head: Uint8Array): boolean {
	const decoder = new TextDecoder('utf-8', {fatal: true});
	try {
		// As a stream: a character that the end of `head` cuts in two is no fault.
		const text = decoder.decode(head.subarray(0, SNIFFED_BYTES), {stream: true});
		return text !== '' && !CONTROL.test(text);
	} catch {
		// It is not UTF-8.
		return false;
	}
}
