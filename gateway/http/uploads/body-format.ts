/** How the value of a field is written. */
export interface ValueSyntax {
	/** The byte that ends a value. */
	readonly terminator: number;
	/** True where the end of the body ends a value too. */
	readonly endsWithBody: boolean;
	/** What the end of a chunk may have cut in two, at the end of a text. */
	readonly cutEscape: RegExp;
	/** Gives the text that is meant; what no base64 contains may become any character that base64 does not contain. */
	unescape(text: string): string;
}

/**
 * Reads one body, of JSON or a form, whose uploads are read by somebody else: it finds where they begin, and each is represented by
 * its number in what is parsed at the end.
 */
export interface BodyFormat extends ValueSyntax {
	/** Looks at the next bytes of the body: up to the start of an upload, or all of them. */
	scan(bytes: Uint8Array): {readonly length: number; readonly field: string | undefined};
	/** The rest of a value that consists of a number, its terminator included. */
	numbered(index: number): string;
	/** @throws {SyntaxError} */
	parse(text: string): unknown;
}

/** One ASCII character by its number, or one that is in no base64: a decoder of bytes might take U+0141 for an `A`. */
export function asciiCharacter(hex: string): string {
	const code = Number.parseInt(hex, 16);
	return code < 0x80 ? String.fromCharCode(code) : NO_BASE64;
}

/** A character that makes any decoder refuse. */
export const NO_BASE64 = '\0';
