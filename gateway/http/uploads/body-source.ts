import type {Readable} from 'node:stream';
import {ValidationError} from '../../../domain/errors.ts';
import {PayloadTooLargeError} from '../http-errors.ts';

const EMPTY: Buffer = Buffer.alloc(0);

/** A request's body, pulled chunk by chunk: who reads slowly slows the sender down, and only one chunk is in memory. */
export class BodySource implements Disposable {
	readonly #request: Readable;
	readonly #chunks: AsyncIterator<Buffer, undefined>;
	readonly #limitBytes: number;
	#unread = EMPTY;
	#sizeBytes = 0;

	/** @param limitBytes of the whole body */
	constructor(request: Readable, limitBytes: number) {
		this.#request = request;
		// The socket must outlive a body that nobody reads to its end: the answer goes over it.
		this.#chunks = request.iterator({destroyOnReturn: false}) as AsyncIterator<Buffer, undefined>;
		this.#limitBytes = limitBytes;
	}

	/** What is left of the present chunk. */
	get unread(): Buffer {
		return this.#unread;
	}

	/** Takes the next `length` bytes of it. */
	take(length: number): Buffer {
		const taken = this.#unread.subarray(0, length);
		this.#unread = this.#unread.subarray(length);
		return taken;
	}

	/**
	 * Goes on to the next chunk; false when there is none.
	 * @throws {PayloadTooLargeError} @throws {ValidationError} the sender went away
	 */
	async advance(): Promise<boolean> {
		const {done, value} = await this.#next();
		if (done === true) {
			return false;
		}
		this.#sizeBytes += value.length;
		if (this.#sizeBytes > this.#limitBytes) {
			throw new PayloadTooLargeError();
		}
		this.#unread = value;
		return true;
	}

	/** Reads no more; what still comes is thrown away, since most clients read the answer only after they have written everything. */
	[Symbol.dispose](): void {
		void this.#chunks.return?.().then(() => this.#request.resume());
	}

	async #next(): Promise<IteratorResult<Buffer, undefined>> {
		try {
			return await this.#chunks.next();
		} catch (error) {
			throw new ValidationError('The request was aborted', {cause: error});
		}
	}
}
