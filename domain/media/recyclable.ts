/**
 * Content that takes chunks back. Memory that waits for the garbage collector comes to 100 MB in a process that streams at full speed
 * (V8 lets 64 MB of young buffers gather, and as much again of older ones): whoever is done with a chunk for good can return it.
 */
export interface Recyclable {
	/** Nobody reads `chunk` any more. */
	recycle(chunk: Uint8Array): void;
}

export function isRecyclable(content: object): content is Recyclable {
	return 'recycle' in content && typeof content.recycle === 'function';
}
