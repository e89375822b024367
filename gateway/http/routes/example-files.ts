/** Files for examples, short enough to be pasted, in base64. */
export const EXAMPLE_FILES = {
	/** A WebP picture of one pixel; it also passes for a sticker. */
	picture: 'UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA',
	/** The start of an MP4 film. */
	film: 'AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t',
	/** The start of an Ogg file with Opus in it, as voice notes are. */
	voice: 'T2dnUwACAAAAAAAAAAABAQEBAAAAAAAAAAABE09wdXNIZWFkAQE4AYC7AAAAAAA=',
	/** `Hello`, and the end of the line. */
	text: 'SGVsbG8K',
} as const;
