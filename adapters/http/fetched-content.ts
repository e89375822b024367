import type {Readable} from 'node:stream';

/**
 * The body of an answer as its reader asks for it. Stopping ends the transfer, be it before the first byte: a generator that was
 * never started would leave it open.
 */
export class FetchedContent implements AsyncIterableIterator<Uint8Array> {
	readonly #body: Readable;
	readonly #chunks: AsyncIterator<Uint8Array>;
	readonly #toFailure: (error: unknown) => Error;

	/** @param toFailure what the reader gets for a failure of the transfer */
	constructor(body: Readable, toFailure: (error: unknown) => Error) {
		this.#body = body;
		this.#chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
		this.#toFailure = toFailure;
		// It fails whoever reads; without a reader there is nobody to tell.
		body.on('error', () => undefined);
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	async next(): Promise<IteratorResult<Uint8Array, undefined>> {
		try {
			const next = await this.#chunks.next();
			return next.done === true ? {done: true, value: undefined} : next;
		} catch (error) {
			throw this.#toFailure(error);
		}
	}

	return(): Promise<{done: true; value: undefined}> {
		this.#body.destroy();
		return Promise.resolve({done: true, value: undefined});
	}
}
