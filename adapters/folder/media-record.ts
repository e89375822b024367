import type {MissingMedia, StoredMedia} from '../../domain/ports/media-store.ts';

/** A stored file, and where its content is. */
export interface FolderRecord extends StoredMedia {
	/** The name of the content file, in the same folder. */
	readonly content: string;
}

/** @param filename only for people who look into the folder */
export function encodeRecord(record: FolderRecord, filename: string): string {
	const {state: _, storedAt, ...rest} = record;
	return JSON.stringify({...rest, storedAt: storedAt.toISOString(), filename});
}

/** Undefined for anything that no `encodeRecord` made, such as a file that a broken disk cut off. */
export function decodeRecord(text: string): FolderRecord | undefined {
	const {contentType, displayName, sizeBytes, sha256, storedAt, content} = parse(text);
	if (
		typeof contentType !== 'string' ||
		(typeof displayName !== 'string' && displayName !== null) ||
		typeof sizeBytes !== 'number' ||
		typeof sha256 !== 'string' ||
		!isTime(storedAt) ||
		typeof content !== 'string'
	) {
		return undefined;
	}
	return {state: 'stored', contentType, displayName, sizeBytes, sha256, storedAt: new Date(storedAt), content};
}

/** As `encodeRecord`. */
export function encodeNote({reason, at, retryAt}: MissingMedia, filename: string): string {
	return JSON.stringify({reason, at: at.toISOString(), retryAt: retryAt?.toISOString(), filename});
}

/** As `decodeRecord`; `filename` is whose note it is. */
export function decodeNote(text: string): MissingMedia | undefined {
	const {reason, at, retryAt} = parse(text);
	if (typeof reason !== 'string' || !isTime(at)) {
		return undefined;
	}
	return {state: 'missing', reason, at: new Date(at), ...(isTime(retryAt) && {retryAt: new Date(retryAt)})};
}

/** For whom a record or note was made. */
export function filenameIn(text: string): string {
	const {filename} = parse(text);
	return typeof filename === 'string' ? filename : '';
}

function parse(text: string): Readonly<Record<string, unknown>> {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		// Cut off: it says nothing.
		return {};
	}
}

function isTime(value: unknown): value is string {
	return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
