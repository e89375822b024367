/** Divisible by 3, so that no piece but the last one ends in padding; 64 KiB of text. */
const PIECE_BYTES = 48 * 1024;

/** Base64 of bytes that come in chunks of any size, in pieces of 64 KiB at most. Holds two bytes between chunks, no more. */
export async function* toBase64Pieces(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
	let rest = Buffer.alloc(0);
	for await (const chunk of content) {
		const bytes = rest.length === 0 ? viewOf(chunk) : Buffer.concat([rest, chunk]);
		const wholeBytes = bytes.length - (bytes.length % 3);
		for (let start = 0; start < wholeBytes; start += PIECE_BYTES) {
			yield encode(bytes.subarray(start, Math.min(start + PIECE_BYTES, wholeBytes)));
		}
		// A copy: the owner of the chunk may use it again.
		rest = Buffer.from(bytes.subarray(wholeBytes));
	}
	if (rest.length > 0) yield encode(rest);
}

/** The length of the base64 of so many bytes. */
export function base64Length(sizeBytes: number): number {
	return Math.ceil(sizeBytes / 3) * 4;
}

function viewOf({buffer, byteOffset, byteLength}: Uint8Array): Buffer {
	return Buffer.from(buffer, byteOffset, byteLength);
}

function encode(bytes: Buffer): Buffer {
	return Buffer.from(bytes.toString('base64'), 'latin1');
}
