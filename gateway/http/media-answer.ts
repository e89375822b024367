import type {OpenMedia} from '../../domain/media/media.ts';
import type {ByteRange} from '../../domain/ports/media-store.ts';
import {readByteRange} from './byte-range.ts';
import {contentDisposition} from './content-disposition.ts';
import type {Answer, Call} from './route.ts';

/** A file never changes under its name, but access to it can be taken away: caches of one user, for an hour. */
const CACHE_CONTROL = 'private, max-age=3600';

/** Files come from strangers: were one opened as a page, nothing in it could run, load or reach our origin. */
const CONTENT_SECURITY_POLICY =
	"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";

/**
 * A file over HTTP: whole, in part (one range; several are answered with the whole), or not again (`If-None-Match`,
 * `If-Modified-Since`).
 * @param name the file's name where it has none of its own
 * @throws {RangeNotSatisfiableError}
 */
export function mediaAnswer(
	media: OpenMedia,
	{method, header}: Pick<Call, 'method' | 'header'>,
	name: string | null,
): Answer {
	const headers = headersOf(media, name);
	if (isUnchanged(media, header)) {
		return {status: 304, headers};
	}
	const range = method === 'GET' ? wantedRange(media, header) : undefined;
	if (range === undefined) {
		const size = media.sizeBytes === null ? {} : {'Content-Length': String(media.sizeBytes)};
		return {status: 200, headers: {...headers, ...size}, content: () => media.open()};
	}
	return {
		status: 206,
		headers: {
			...headers,
			'Content-Length': String(range.end - range.start + 1),
			'Content-Range': `bytes ${range.start}-${range.end}/${media.sizeBytes ?? '*'}`,
		},
		content: () => media.open(range),
	};
}

function headersOf(
	{contentType, displayName, etag, lastModified, rangeable}: OpenMedia,
	name: string | null,
): Record<string, string> {
	return {
		'Content-Type': contentType,
		'Content-Disposition': contentDisposition(contentType, displayName ?? name),
		'Accept-Ranges': rangeable ? 'bytes' : 'none',
		'Cache-Control': CACHE_CONTROL,
		Vary: 'Authorization',
		'X-Content-Type-Options': 'nosniff',
		'Content-Security-Policy': CONTENT_SECURITY_POLICY,
		...(etag !== null && {ETag: etag}),
		...(lastModified !== null && {'Last-Modified': lastModified.toUTCString()}),
	};
}

/** RFC 9110 §13.2.2: a tag, where there is one, is all that counts. */
function isUnchanged({etag, lastModified}: OpenMedia, header: Call['header']): boolean {
	const tags = header('If-None-Match');
	if (tags !== undefined) {
		return tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
	}
	const since = Date.parse(header('If-Modified-Since') ?? '');
	return lastModified !== null && wholeSeconds(lastModified) <= since;
}

/** A range of what the client has a part of already is only good for the same file (`If-Range`). */
function wantedRange(
	{rangeable, sizeBytes, etag, lastModified}: OpenMedia,
	header: Call['header'],
): ByteRange | undefined {
	if (!rangeable || sizeBytes === null) {
		return undefined;
	}
	const same = header('If-Range')?.trim();
	const isSame =
		same === undefined || same === etag || (lastModified !== null && Date.parse(same) === wholeSeconds(lastModified));
	return isSame ? readByteRange(header('Range'), sizeBytes) : undefined;
}

/** Dates in headers have no milliseconds. */
function wholeSeconds(date: Date): number {
	return Math.floor(date.getTime() / 1000) * 1000;
}
