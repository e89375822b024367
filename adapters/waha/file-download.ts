import type {Request} from 'got';
import type {Recyclable} from '../../domain/media/recyclable.ts';
import {describeRequestError} from './describe-request-error.ts';
import type {Patience} from './patience.ts';
import {toTransportError, WahaTransportError} from './waha-failure.ts';

/** The bytes of a file on its way in: as fast as the reader asks for them; who stops early closes the connection. */
export class FileDownload implements AsyncIterableIterator<Uint8Array>, Recyclable {
	readonly #request: Request;
	readonly #chunks: AsyncIterator<Uint8Array>;
	readonly #patience: Patience;
	readonly #stallMs: number;
	readonly #caller: AbortSignal;
	#first: IteratorResult<Uint8Array> | undefined;

	/** @param stallMs how long bytes may take, each time they are asked for */
	constructor(options: {request: Request; patience: Patience; stallMs: number; caller: AbortSignal}) {
		this.#request = options.request;
		this.#chunks = options.request[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
		this.#patience = options.patience;
		this.#stallMs = options.stallMs;
		this.#caller = options.caller;
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
		this.#request.destroy();
		return Promise.resolve({done: true, value: undefined});
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	/** A chunk as it came from the network is all that its memory holds: it is freed at once. */
	recycle({buffer, byteLength}: Uint8Array): void {
		if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
	}

	/** Who or what ended the transfer. */
	get endedBy(): WahaTransportError['endedBy'] {
		if (this.#patience.signal.aborted) return 'deadline';
		return this.#caller.aborted ? 'caller' : 'network';
	}

	async #read(): Promise<IteratorResult<Uint8Array>> {
		try {
			return await this.#patience.within(this.#stallMs, this.#chunks.next());
		} catch (error) {
			const {endedBy} = this;
			throw toTransportError(new WahaTransportError(describeRequestError(error), {sent: true, endedBy}), 'read');
		}
	}
}
