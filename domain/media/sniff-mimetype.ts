/** So much of a file tells what it is: the names at the start of an office document's archive lie within. */
export const SNIFFED_BYTES = 4100;

/** What a file starts with, as Latin-1 text: the readable form of bytes. */
const SIGNATURES: readonly (readonly [string, string])[] = [
	['\xff\xd8\xff', 'image/jpeg'],
	['\x89PNG\r\n\x1a\n', 'image/png'],
	['GIF87a', 'image/gif'],
	['GIF89a', 'image/gif'],
	['II*\0', 'image/tiff'],
	['MM\0*', 'image/tiff'],
	['%PDF-', 'application/pdf'],
	['ID3', 'audio/mpeg'],
	['#!AMR', 'audio/amr'],
	['fLaC', 'audio/flac'],
	['{\\rtf', 'application/rtf'],
	['\x1f\x8b\x08', 'application/gzip'],
	["7z\xbc\xaf'\x1c", 'application/x-7z-compressed'],
	['Rar!\x1a\x07', 'application/vnd.rar'],
];

const RIFF_FORMS: Readonly<Record<string, string>> = {
	WEBP: 'image/webp',
	WAVE: 'audio/wav',
	'AVI ': 'video/x-msvideo',
};

/** Major brands of ISO media files (registered at mp4ra.org); all others are films. */
const ISO_BRANDS: readonly (readonly [RegExp, string])[] = [
	[/^(M4A|M4B)/, 'audio/mp4'],
	[/^qt/, 'video/quicktime'],
	[/^3g/, 'video/3gpp'],
	[/^avif/, 'image/avif'],
	[/^(hei[cxms]|mif1)/, 'image/heic'],
];

/** The folder that each kind of office document has. */
const OFFICE_FOLDERS: readonly (readonly [string, string])[] = [
	['word/', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
	['xl/', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
	['ppt/', 'application/vnd.openxmlformats-officedocument.presentationml.presentation'],
];

/**
 * What a file is by its content, for the formats that WhatsApp knows and those that people send; undefined for others, and for text,
 * which has no signature.
 *
 * Not by a library: the domain imports none, and `file-type` brings five packages and a stream reader of its own for hundreds of
 * formats that nobody sends.
 * @param head the first `SNIFFED_BYTES`; fewer tell less
 */
export function sniffMimetype(head: Uint8Array): string | undefined {
	const text = Buffer.from(head.subarray(0, SNIFFED_BYTES)).toString('latin1');
	const signature = SIGNATURES.find(([start]) => text.startsWith(start));
	return signature?.[1] ?? sniffContainer(text) ?? sniffAudioFrame(head);
}

function sniffContainer(text: string): string | undefined {
	if (text.startsWith('RIFF')) {
		return RIFF_FORMS[text.slice(8, 12)];
	}
	if (text.startsWith('ftyp', 4)) {
		const brand = text.slice(8, 12);
		return ISO_BRANDS.find(([pattern]) => pattern.test(brand))?.[1] ?? 'video/mp4';
	}
	if (text.startsWith('\x1a\x45\xdf\xa3')) {
		return text.slice(0, 64).includes('webm') ? 'video/webm' : 'video/x-matroska';
	}
	if (text.startsWith('OggS')) {
		return sniffOgg(text.slice(28, 36));
	}
	return text.startsWith('PK\x03\x04') ? sniffArchive(text) : undefined;
}

/** @param codec the first bytes of the first packet */
function sniffOgg(codec: string): string {
	if (codec === 'OpusHead') {
		return 'audio/ogg; codecs=opus';
	}
	return codec.startsWith('\x80theora') ? 'video/ogg' : 'audio/ogg';
}

function sniffArchive(text: string): string {
	// OpenDocument and EPUB: their first entry is called `mimetype`, is not compressed and holds nothing else.
	const declared = /^mimetype(application\/[\w.+-]+?)PK/.exec(text.slice(30))?.[1];
	if (declared !== undefined) {
		return declared;
	}
	const folder = text.includes('[Content_Types].xml') && OFFICE_FOLDERS.find(([name]) => text.includes(name));
	return folder ? folder[1] : 'application/zip';
}

/** MPEG audio without a tag before it begins with a frame: eleven set bits, then version, layer, bit rate and sample rate. */
function sniffAudioFrame([first = 0, second = 0, third = 0]: Uint8Array): string | undefined {
	if (first !== 0xff || (second & 0xe0) !== 0xe0) {
		return undefined;
	}
	const version = (second >> 3) & 3;
	const layer = (second >> 1) & 3;
	if (layer === 0) {
		return (second & 0xf0) === 0xf0 ? 'audio/aac' : undefined;
	}
	const isValid = version !== 1 && third >> 4 !== 0xf && ((third >> 2) & 3) !== 3;
	return isValid && layer === 1 ? 'audio/mpeg' : undefined;
}
