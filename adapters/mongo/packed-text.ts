import {gunzipSync, gzipSync} from 'node:zlib';
import {mongo} from 'mongoose';

/** A document has 16 MiB at most, a character up to three bytes in UTF-8 per unit of `length`. */
const MAX_PLAIN_LENGTH = 5_000_000;

/** Text as it lies in a document: as it is, or compressed where a document might not hold it. */
export type PackedText = string | mongo.Binary;

/** Text of 20 MB, the most that ingestion takes, fits: JSON, base64 in it included, loses at least a fifth. */
export function packText(text: string): PackedText {
	return text.length <= MAX_PLAIN_LENGTH ? text : new mongo.Binary(gzipSync(text, {level: 1}));
}

export function unpackText(packed: PackedText): string {
	return typeof packed === 'string' ? packed : gunzipSync(packed.buffer).toString();
}
