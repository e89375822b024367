import type {IncomingHttpHeaders} from 'node:http';
import type {Dispatcher} from 'undici';

/** So much of an answer is kept … */
const KEPT_BYTES = 4 * 1024;
/** … and so much is read, so that its connection can be used again. Beyond that a new connection costs less than the rest. */
const READ_BYTES = 64 * 1024;

/** How an exchange ended. */
export type ExchangeEnd =
	| {
			readonly kind: 'answer';
			readonly status: number;
			readonly headers: IncomingHttpHeaders;
			/** The first 4 KB as UTF-8; bytes that are none are replaced. */
			readonly text: string;
	  }
	| {readonly kind: 'error'; readonly error: unknown}
	| {readonly kind: 'deadline'};

/**
 * One request and its answer, as undici's callbacks report them. Ends once, by the whole answer, by more answer than is read,
 * by an error or by `cut`; what undici reports afterwards is ignored.
 */
export class WebhookExchange implements Dispatcher.DispatchHandler {
	readonly #end: (end: ExchangeEnd) => void;
	#controller: Dispatcher.DispatchController | undefined;
	#ended = false;
	#status = 0;
	#headers: IncomingHttpHeaders = {};
	readonly #kept: Buffer[] = [];
	#readBytes = 0;

	constructor(onEnd: (end: ExchangeEnd) => void) {
		this.#end = onEnd;
	}

	/** The time is up: ends the exchange and destroys its connection (one that is still being made, as soon as it stands). */
	cut(): void {
		this.#finish({kind: 'deadline'});
		this.#abort();
	}

	onRequestStart(controller: Dispatcher.DispatchController): void {
		this.#controller = controller;
		if (this.#ended) {
			// The deadline passed while the connection was being made: nothing has been sent yet, and nothing will be.
			this.#abort();
		}
	}

	onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
		if (status >= 200) {
			this.#status = status;
			this.#headers = headers;
		}
	}

	onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
		if (this.#readBytes < KEPT_BYTES) {
			this.#kept.push(chunk.subarray(0, KEPT_BYTES - this.#readBytes));
		}
		this.#readBytes += chunk.length;
		if (this.#readBytes > READ_BYTES) {
			this.#answer();
			this.#abort();
		}
	}

	onResponseEnd(): void {
		// undici takes a connection for free one turn of the event loop after its answer: who sends again at once, as a
		// busy lane does, would open another one.
		queueMicrotask(() => {
			setImmediate(() => {
				this.#answer();
			});
		});
	}

	onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
		this.#finish({kind: 'error', error});
	}

	#answer(): void {
		this.#finish({kind: 'answer', status: this.#status, headers: this.#headers, text: this.#text()});
	}

	#text(): string {
		const kept = Buffer.concat(this.#kept);
		// A character that the limit cuts in two is left out, not replaced.
		return this.#readBytes > KEPT_BYTES ? new TextDecoder().decode(kept, {stream: true}) : kept.toString();
	}

	#finish(end: ExchangeEnd): void {
		if (!this.#ended) {
			this.#ended = true;
			this.#end(end);
		}
	}

	#abort(): void {
		this.#controller?.abort(new Error('the exchange is over'));
	}
}
