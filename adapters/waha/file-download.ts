import type {Readable} from 'node:stream';
import type {Recyclable} from '../../domain/media/recyclable.ts';
import type {Patience} from './patience.ts';
import {toTransportError, type WahaTransportError} from './waha-failure.ts';

/** The bytes of a file on its way in: as fast as the reader asks for them; who stops early closes the connection. */
export class FileDownload implements AsyncIterableIterator<Uint8Array>, Recyclable {
	readonly #body: Readable;
	readonly #chunks: AsyncIterator<Uint8Array>;
	readonly #patience: Patience;
	readonly #stallMs: number;
	readonly #toFailure: (error: unknown) => WahaTransportError;
	#first: IteratorResult<Uint8Array> | undefined;

	/**
	 * @param stallMs how long bytes may take, each time they are asked for
	 * @param toFailure tells what ended the transfer
	 */
	constructor(options: {
		body: Readable;
		patience: Patience;
		stallMs: number;
		toFailure: (error: unknown) => WahaTransportError;
	}) {
		this.#body = options.body;
		this.#chunks = options.body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
		this.#patience = options.patience;
		this.#stallMs = options.stallMs;
		this.#toFailure = options.toFailure;
		// It fails whoever reads; without a reader there is nobody to tell.
		options.body.on('error', () => undefined);
	}

	/** Waits for the first bytes, so that a file without any is known before it is given to anyone. Resolves to false for such. */
	async begin(): Promise<boolean> {
		this.#first = await this.#chunks.next();
		return this.#first.done !== true;
	}

	/** @throws {EngineError} it broke off, or stalled */
	async next(): Promise<IteratorResult<Uint8Array>> {
		const first = this.#first;
		this.#first = undefined;
		return first ?? this.#read();
	}

	return(): Promise<IteratorResult<Uint8Array>> {
		this.#body.destroy();
		return Promise.resolve({done: true, value: undefined});
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	/**
	 * Frees a chunk at once if it is all that its memory holds: then it is what one read of the socket gave, without a copy. What is
	 * shared (with the headers, or with other chunks of a body without a length) waits for the garbage collector.
	 */
	recycle({buffer, byteLength}: Uint8Array): void {
		if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
	}

	async #read(): Promise<IteratorResult<Uint8Array>> {
		try {
			return await this.#patience.within(this.#stallMs, this.#chunks.next());
		} catch (error) {
			throw toTransportError(this.#toFailure(error), 'read');
		}
	}
}
