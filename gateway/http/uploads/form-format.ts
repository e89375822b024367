import {asciiCharacter, NO_BASE64, type BodyFormat} from './body-format.ts';

const AMPERSAND = 0x26;
const EQUALS_SIGN = 0x3d;

/**
 * A form (`application/x-www-form-urlencoded`). A `+` in an upload is itself, not a space: there it can only be base64 that was not
 * encoded.
 */
export class FormFormat implements BodyFormat {
	readonly terminator = AMPERSAND;
	readonly endsWithBody = true;
	readonly cutEscape = /%[0-9a-f]?$/i;
	readonly #fields: readonly string[];
	#isValue = false;
	#name = '';

	/** @param fields whose values are uploads */
	constructor(fields: readonly string[]) {
		this.#fields = fields;
	}

	scan(bytes: Uint8Array): {length: number; field: string | undefined} {
		for (const [index, byte] of bytes.entries()) {
			if (byte === AMPERSAND) {
				this.#isValue = false;
				this.#name = '';
			} else if (this.#isValue) {
				continue;
			} else if (byte === EQUALS_SIGN) {
				const field = this.#fields.find((name) => name === readName(this.#name));
				this.#isValue = field === undefined;
				this.#name = '';
				if (field !== undefined) return {length: index + 1, field};
			} else {
				this.#name += String.fromCharCode(byte);
			}
		}
		return {length: bytes.length, field: undefined};
	}

	numbered(index: number): string {
		return `${index}&`;
	}

	parse(text: string): unknown {
		return Object.fromEntries(new URLSearchParams(text));
	}

	unescape(text: string): string {
		return text.replace(/%([0-9a-f]{2})?/gi, (_escape, hex: string | undefined) =>
			hex === undefined ? NO_BASE64 : asciiCharacter(hex),
		);
	}
}

/** The name that a form's own rules make of this. */
function readName(written: string): string | undefined {
	return [...new URLSearchParams(`${written}=`).keys()][0];
}
