import {ValidationError} from '../../../domain/errors.ts';
import {PayloadTooLargeError} from '../http-errors.ts';
import {Base64Decoder} from './base64-decoder.ts';
import type {BodyFormat} from './body-format.ts';
import type {BodySource} from './body-source.ts';

/**
 * Reads a body from one upload to the next, and keeps the rest. The caller asks for the next upload only after it has read the
 * content of the one before.
 */
export class BodyReader {
	readonly #source: BodySource;
	readonly #format: BodyFormat;
	readonly #restLimitBytes: number;
	readonly #decoder = new TextDecoder();
	/** The body, with a number for each upload. */
	#rest = '';
	#restBytes = 0;
	#uploads = 0;

	/** @param options.restLimitBytes of everything but the uploads */
	constructor(options: {source: BodySource; format: BodyFormat; restLimitBytes: number}) {
		this.#source = options.source;
		this.#format = options.format;
		this.#restLimitBytes = options.restLimitBytes;
	}

	/** The field of the next upload; undefined when the body has ended. @throws {PayloadTooLargeError} @throws {ValidationError} */
	async nextUpload(): Promise<string | undefined> {
		do {
			const {length, field} = this.#format.scan(this.#source.unread);
			this.#keep(this.#source.take(length));
			if (field !== undefined) {
				this.#rest += this.#format.numbered(this.#uploads++);
				return field;
			}
		} while (await this.#source.advance());
		return undefined;
	}

	/** What the upload that was just found contains, in constant memory; nothing is in an empty text. @throws {ValidationError} it is no base64, or not whole */
	async *content(field: string): AsyncGenerator<Uint8Array, undefined> {
		const decoder = new Base64Decoder(field);
		for await (const text of this.#texts()) {
			const bytes = decoder.decode(text);
			if (bytes.length > 0) yield bytes;
		}
		const last = decoder.end();
		if (last.length > 0) yield last;
	}

	/** The body, once it has ended: with their numbers in place of the uploads. @throws {ValidationError} it cannot be read */
	parse(): unknown {
		const text = this.#rest + this.#decoder.decode();
		try {
			return text === '' ? {} : this.#format.parse(text);
		} catch (error) {
			throw new ValidationError(error instanceof Error ? error.message : 'The body is malformed', {cause: error});
		}
	}

	/** The value that begins here, piece by piece; its terminator is taken too. */
	async *#texts(): AsyncGenerator<string, undefined> {
		const format = this.#format;
		let cut = '';
		for (;;) {
			const {unread} = this.#source;
			const end = unread.indexOf(format.terminator);
			const text = cut + this.#source.take(end === -1 ? unread.length : end).toString('latin1');
			if (end !== -1) {
				this.#source.take(1);
				yield format.unescape(text);
				return undefined;
			}
			cut = format.cutEscape.exec(text)?.[0] ?? '';
			yield format.unescape(text.slice(0, text.length - cut.length));
			if (!(await this.#source.advance())) {
				if (!format.endsWithBody) throw new ValidationError('Unterminated string in JSON');
				yield format.unescape(cut);
				return undefined;
			}
		}
	}

	#keep(bytes: Uint8Array): void {
		this.#restBytes += bytes.length;
		if (this.#restBytes > this.#restLimitBytes) {
			throw new PayloadTooLargeError();
		}
		this.#rest += this.#decoder.decode(bytes, {stream: true});
	}
}
