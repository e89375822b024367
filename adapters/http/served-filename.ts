import {parse} from 'content-disposition';
import {toDisplayName} from '../../domain/media/to-display-name.ts';

/**
 * What a server calls the file that it sends: by `Content-Disposition` (RFC 6266; `filename*` before `filename`), else by the last part
 * of the URL that was asked for, else of the one that redirects led to; a name with an extension before one without.
 * @param header as Node gives it: one character for each byte
 * @returns null when none of them has a name
 */
export function servedFilename(header: string | undefined, askedUrl: string, servedUrl: string): string | null {
	const inPaths = [lastPart(askedUrl), lastPart(servedUrl)].filter((name) => name !== null);
	const byPath = inPaths.find((name) => /\.\w+$/.test(name)) ?? inPaths[0] ?? null;
	return (header === undefined ? null : inHeader(header)) ?? byPath;
}

function inHeader(header: string): string | null {
	const {filename} = parse(header).parameters;
	return filename === undefined ? null : toDisplayName(asUtf8(filename));
}

/** Servers that know no `filename*` often send UTF-8 in `filename`; what is none stays Latin-1. */
function asUtf8(value: string): string {
	// What `filename*` gave can have characters that no byte has.
	if (/[^\0-\xff]/.test(value)) {
		return value;
	}
	try {
		return new TextDecoder('utf-8', {fatal: true}).decode(Buffer.from(value, 'latin1'));
	} catch {
		return value;
	}
}

function lastPart(url: string): string | null {
	const part = new URL(url).pathname.split('/').at(-1) ?? '';
	try {
		return toDisplayName(decodeURIComponent(part));
	} catch {
		// A `%` that starts nothing.
		return toDisplayName(part);
	}
}
