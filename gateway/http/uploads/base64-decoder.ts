import {ValidationError} from '../../../domain/errors.ts';

const WHITE_SPACE = /[\t\n\r ]+/g;

const DATA_URI = 'data:';

/**
 * Decodes base64 that comes in pieces, and refuses what is none: of both alphabets (RFC 4648 §4 and §5), with or without padding.
 * White space is passed over, since many tools break lines.
 */
export class Base64Decoder {
	readonly #field: string;
	/** What came first, to recognise a data URI. */
	#start = '';
	/** Fewer than the four characters of a group. */
	#carry = '';
	#isPadded = false;

	/** @param field that errors name */
	constructor(field: string) {
		this.#field = field;
	}

	/** @param text in which no character is above U+00FF @throws {ValidationError} */
	decode(text: string): Buffer {
		const packed = text.replace(WHITE_SPACE, '');
		this.#start += packed.slice(0, DATA_URI.length - this.#start.length);
		const pending = this.#carry + packed;
		const whole = pending.length - (pending.length % 4);
		this.#carry = pending.slice(whole);
		return this.#decodeGroups(pending.slice(0, whole));
	}

	/** What is left when nothing more comes. @throws {ValidationError} it stops in the middle */
	end(): Buffer {
		const isPartOfPadding = this.#carry.includes('=') || this.#carry.length === 1;
		return isPartOfPadding ? this.#refuse() : this.#decodeGroups(this.#carry);
	}

	/**
	 * Node's decoder is fast but skips what is no base64. Then, and only then, it gives fewer bytes than there are places for: that is
	 * how to tell.
	 */
	#decodeGroups(text: string): Buffer {
		if (text !== '' && this.#isPadded) {
			this.#refuse();
		}
		const padding = /={0,2}$/.exec(text)?.[0].length ?? 0;
		this.#isPadded ||= padding > 0;
		const bytes = Buffer.from(text, 'base64');
		return bytes.length === Math.floor(((text.length - padding) * 3) / 4) ? bytes : this.#refuse();
	}

	#refuse(): never {
		throw new ValidationError(
			this.#start.toLowerCase() === DATA_URI
				? `${this.#field} must be base64 without a data: prefix: leave out everything up to the comma, and the comma`
				: `${this.#field} must be base64: letters, digits, + and /, and = at its end only`,
		);
	}
}
