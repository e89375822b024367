/** A file of an event: the name under which tenants fetch it, and where it comes from (internal, never shown). */
export interface MediaSource {
	readonly filename: string;
	readonly url: string;
}

/** The places of a payload that hold a message with media of its own. */
const NESTED = ['replyTo', 'before', 'after'] as const;

/** An edit has a message that quotes another one; deeper ones are cut off, since what nobody looks at could name our machines. */
const MAX_DEPTH = 4;

/** Sources travel in a header, and all headers of a message must fit 64 KB: what is over these keeps its link, but is not copied. */
const MAX_SOURCES = 8;
const MAX_SOURCE_BYTES = 4096;

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Points every `media.url` of a payload at `{base}/{filename}`, nested messages included, and drops what names our
 * storage (`media.s3`, the deprecated `mediaUrl`). The input is not changed; a payload without media is returned as it is.
 */
export function rewriteMedia(payload: unknown, base: string): {payload: unknown; sources: readonly MediaSource[]} {
	const sources: MediaSource[] = [];
	return {payload: rewriteMessage(payload, {base, sources, depth: 0}), sources};
}

/**
 * The message that one of an event's files belongs to, with its `media`: of the payload itself, or nested in it.
 * @param payload already rewritten
 * @param filename as in the `MediaSource`
 */
export function messageOfMedia(
	payload: unknown,
	filename: string,
): {message: JsonObject; media: JsonObject} | undefined {
	if (!isObject(payload)) {
		return undefined;
	}
	const {media} = payload;
	if (isObject(media) && typeof media['url'] === 'string' && media['url'].endsWith(`/${filename}`)) {
		return {message: payload, media};
	}
	for (const key of NESTED) {
		const found = messageOfMedia(payload[key], filename);
		if (found !== undefined) return found;
	}
	return undefined;
}

interface Rewriting {
	readonly base: string;
	readonly sources: MediaSource[];
	readonly depth: number;
}

function rewriteMessage(value: unknown, {depth, ...rewriting}: Rewriting): unknown {
	if (!isObject(value)) {
		return value;
	}
	if (depth > MAX_DEPTH) {
		return null;
	}
	const changes: Record<string, unknown> = {};
	if (isObject(value['media'])) {
		changes['media'] = rewriteFile(value['media'], rewriting);
	}
	for (const key of NESTED) {
		const nested = rewriteMessage(value[key], {...rewriting, depth: depth + 1});
		if (nested !== value[key]) {
			changes[key] = nested;
		}
	}
	if ('mediaUrl' in value) {
		changes['mediaUrl'] = undefined;
	}
	return Object.keys(changes).length === 0 ? value : {...value, ...changes};
}

function rewriteFile(media: JsonObject, {base, sources}: Omit<Rewriting, 'depth'>): JsonObject {
	const {s3: _, ...kept} = media;
	if (typeof media['url'] !== 'string' || media['url'] === '') {
		return kept;
	}
	const filename = filenameOf(media['url']);
	if (filename === undefined) {
		return {...kept, url: null};
	}
	const source = {filename, url: media['url']};
	if (sources.length < MAX_SOURCES && Buffer.byteLength(JSON.stringify(source)) <= MAX_SOURCE_BYTES) {
		sources.push(source);
	}
	return {...kept, url: `${base}/${filename}`};
}

/**
 * The last path segment of a URL as it stands there (still percent-encoded), without query and fragment; undefined when
 * there is none: a host's name is no filename, and must not get out.
 */
function filenameOf(url: string): string | undefined {
	const path = /^(?:https?:\/\/[^/?#]*)?(\/[^?#]*)/i.exec(url)?.[1] ?? '';
	return /([^/]+)\/*$/.exec(path)?.[1];
}

function isObject(value: unknown): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
