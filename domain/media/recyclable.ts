/**
 * Content that takes chunks back. Memory that waits for the garbage collector comes to 100 MB in a process that streams at full speed
 * (V8 lets 64 MB of young buffers gather, and as much again of older ones): whoever is done with a chunk for good can return it.
 */
export interface Recyclable {
	/** Nobody reads `chunk` any more. */
	recycle(chunk: Uint8Array): void;
}

/** True for content that wants its chunks back. */
export function isRecyclable(content: object): content is Recyclable {
	return 'recycle' in content && typeof content.recycle === 'function';
}

/** The chunks of `source` by way of a generator, which must not hide that `source` takes them back, if it does. */
export function passingBack(
	source: AsyncIterable<Uint8Array>,
	chunks: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
	if (!isRecyclable(source)) return chunks;
	const passing: AsyncIterable<Uint8Array> & Recyclable = {
		[Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator](),
		recycle: (chunk) => {
			source.recycle(chunk);
		},
	};
	return passing;
}
