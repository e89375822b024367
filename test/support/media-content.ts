/** The bytes in pieces of `chunkBytes`, as they come from a network. */
export async function* inChunks(bytes: Buffer, chunkBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
	for (let start = 0; start < bytes.length; start += chunkBytes) {
		yield await Promise.resolve(bytes.subarray(start, start + chunkBytes));
	}
}

export async function readAll(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of content) chunks.push(chunk);
	return Buffer.concat(chunks);
}
