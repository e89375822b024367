import {createHash} from 'node:crypto';
import type {OutboundContent} from '../../../domain/messaging/outbound.ts';

/** A file of a message, as the other side of WhatsApp knows it. Its bytes are elsewhere. */
export interface SimulatedFile {
	readonly mimetype: string;
	/** The name that people see; null = it has none, as all but documents. */
	readonly filename: string | null;
	readonly sizeBytes: number;
	/** Base64, as WhatsApp writes it. */
	readonly sha256: string;
	/** The name of the seed that draws its bytes; null = it was given. */
	readonly drawnFrom: string | null;
}

/** What a message is made of. */
export type SimulatedContent = OutboundContent<SimulatedFile>;

/** The kinds that have a file. */
export type FileKind = Extract<SimulatedContent, {readonly file: unknown}>['kind'];

/** Files up to this size are kept when they are given; others are read, measured and forgotten. */
export const MAX_KEPT_FILE_BYTES = 1024 * 1024;

/** What reading a file to its end told. */
export interface Measure {
	readonly sizeBytes: number;
	readonly sha256: string;
	/** Null when it is too large to be kept. */
	readonly bytes: Buffer | null;
}

/** Reads to the end and never holds more than `MAX_KEPT_FILE_BYTES`. Rejects with what reading throws. */
export async function measure(content: AsyncIterable<Uint8Array>): Promise<Measure> {
	const hash = createHash('sha256');
	let chunks: Uint8Array[] = [];
	let sizeBytes = 0;
	for await (const chunk of content) {
		hash.update(chunk);
		sizeBytes += chunk.length;
		if (sizeBytes <= MAX_KEPT_FILE_BYTES) {
			chunks.push(chunk);
		} else {
			chunks = [];
		}
	}
	const bytes = sizeBytes <= MAX_KEPT_FILE_BYTES ? Buffer.concat(chunks) : null;
	return {sizeBytes, sha256: hash.digest('base64'), bytes};
}
