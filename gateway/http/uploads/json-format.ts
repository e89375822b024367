import {asciiCharacter, NO_BASE64, type BodyFormat} from './body-format.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** The escapes that base64 and its line breaks can be written with. */
const ESCAPES: Readonly<Record<string, string>> = {'/': '/', n: '\n', r: '\r', t: '\t'};

/**
 * A JSON object. The scanner only knows strings, nesting and which name a value belongs to; that the text is JSON is for the parser
 * to say, which then reads it with the same structure.
 */
export class JsonFormat implements BodyFormat {
	readonly terminator = QUOTE;
	readonly endsWithBody = false;
	readonly cutEscape = /\\(u[0-9a-f]{0,3})?$/i;
	readonly #fields: readonly string[];
	#depth = 0;
	#isObject = false;
	/** Within the object itself: a value comes, not a name. */
	#isValue = false;
	#isString = false;
	#isEscaped = false;
	/** The name of the present value, as it is written. */
	#name = '';

	/** @param fields whose string values, in the object itself, are uploads */
	constructor(fields: readonly string[]) {
		this.#fields = fields;
	}

	scan(bytes: Uint8Array): {length: number; field: string | undefined} {
		for (const [index, byte] of bytes.entries()) {
			if (this.#isString) {
				this.#readString(byte);
			} else if (byte === QUOTE) {
				const field = this.#findField();
				if (field !== undefined) return {length: index + 1, field};
				this.#openString();
			} else {
				this.#readStructure(byte);
			}
		}
		return {length: bytes.length, field: undefined};
	}

	numbered(index: number): string {
		return `${index}"`;
	}

	parse(text: string): unknown {
		return JSON.parse(text);
	}

	unescape(text: string): string {
		if (!text.includes('\\')) {
			return text;
		}
		return text.replace(/\\(?:u([0-9a-f]{4})|(.?))/gis, (_escape, hex: string | undefined, character: string) =>
			hex === undefined ? (ESCAPES[character] ?? NO_BASE64) : asciiCharacter(hex),
		);
	}

	/** The upload that a string would be here. */
	#findField(): string | undefined {
		return this.#isDirect() && this.#isValue ? this.#fields.find((field) => field === readName(this.#name)) : undefined;
	}

	#openString(): void {
		this.#isString = true;
		if (this.#isDirect() && !this.#isValue) this.#name = '';
	}

	#readString(byte: number): void {
		if (this.#isEscaped) {
			this.#isEscaped = false;
		} else if (byte === BACKSLASH) {
			this.#isEscaped = true;
		} else if (byte === QUOTE) {
			this.#isString = false;
			return;
		}
		if (this.#isDirect() && !this.#isValue) this.#name += String.fromCharCode(byte);
	}

	#readStructure(byte: number): void {
		switch (byte) {
			case OPEN_OBJECT:
			case OPEN_ARRAY:
				if (this.#depth === 0) this.#isObject = byte === OPEN_OBJECT;
				this.#depth++;
				break;
			case CLOSE_OBJECT:
			case CLOSE_ARRAY:
				this.#depth--;
				break;
			case COLON:
			case COMMA:
				if (this.#isDirect()) this.#isValue = byte === COLON;
				break;
		}
	}

	/** Neither in an array nor deeper. */
	#isDirect(): boolean {
		return this.#isObject && this.#depth === 1;
	}
}

/** Undefined for what is no string of JSON. */
function readName(written: string): string | undefined {
	try {
		return JSON.parse(`"${written}"`) as string;
	} catch {
		// The parser of the whole will say so.
		return undefined;
	}
}
