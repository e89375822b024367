import {Readable} from 'node:stream';
import type {OpenFile} from '../../domain/messaging/outbound.ts';
import {base64Length, toBase64Pieces} from './base64-pieces.ts';
import {engineError} from './waha-failure.ts';

/** One try of sending a body. */
export interface Upload {
	readonly headers: Readonly<Record<string, string>>;
	readonly stream: Readable;
	/** The last byte was handed over. Until then WAHA cannot have read the request: it is no JSON without its end. */
	readonly isWhole: boolean;
	/** Why the file could not be read, when that is what ended it. */
	readonly failure: Error | undefined;
}

interface Progress {
	isWhole: boolean;
	failure: Error | undefined;
}

/**
 * A JSON body with a file in it, `{…fields, "file": {"mimetype", "filename", "data": base64}}`, that is made while it is sent: in
 * constant memory, whatever the size of the file.
 */
export class FileBody {
	/** In bytes; known before the file is opened. */
	readonly contentLength: number;
	readonly #file: OpenFile;
	readonly #prefix: Buffer;
	readonly #suffix = Buffer.from('"}}');

	constructor({fields, file}: {fields: object; file: OpenFile}) {
		const {mimetype, filename, sizeBytes} = file;
		const frame = Buffer.from(JSON.stringify({...fields, file: {mimetype, filename, data: ''}}));
		this.#file = file;
		this.#prefix = frame.subarray(0, frame.length - this.#suffix.length);
		this.contentLength = frame.length + base64Length(sizeBytes);
	}

	/** From the start, each time. */
	open(): Upload {
		const progress: Progress = {isWhole: false, failure: undefined};
		return Object.assign(progress, {
			headers: {'content-type': 'application/json', 'content-length': String(this.contentLength)},
			stream: Readable.from(this.#parts(progress), {objectMode: false}),
		});
	}

	async *#parts(progress: Progress): AsyncGenerator<Buffer> {
		yield this.#prefix;
		try {
			yield* toBase64Pieces(this.#checked());
		} catch (error) {
			progress.failure = error instanceof Error ? error : new Error(String(error));
			throw progress.failure;
		}
		progress.isWhole = true;
		yield this.#suffix;
	}

	/** @throws {EngineError} CONTENT_INVALID for a file of another size than it said: the request would not have its length either */
	async *#checked(): AsyncGenerator<Uint8Array> {
		let bytes = 0;
		for await (const chunk of this.#file.open()) {
			bytes += chunk.length;
			if (bytes > this.#file.sizeBytes) break;
			yield chunk;
		}
		if (bytes !== this.#file.sizeBytes) {
			throw engineError('CONTENT_INVALID', new Error(`a file of ${this.#file.sizeBytes} bytes gave ${bytes}`));
		}
	}
}
