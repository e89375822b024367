import type {Seed} from '../seed.ts';

/** In squares of 8 × 8 pixels, JPEG's own unit. */
const COLUMNS = 12;
const ROWS = 16;

/** Of every picture, in pixels. */
export const MOSAIC_SIZE = {width: COLUMNS * 8, height: ROWS * 8} as const;

/** How many codes there are of each length, 1 to 16 bits, and what they stand for: the luminance DC table of the standard. */
const DC_LENGTHS = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0] as const;
const DC_CODES = ['00', '010', '011', '100', '101', '110', '1110', '11110', '111110'] as const;

/** One AC code: end of block. Squares of one colour need no other. */
const AC_LENGTHS = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] as const;
const END_OF_BLOCK = '0';

/** A real picture: a mosaic whose left half mirrors the right, in two tones. Baseline JPEG, the same seed gives the same bytes. */
export function mosaicJpeg(seed: Seed): Buffer {
	return Buffer.concat([
		Buffer.from([0xff, 0xd8]),
		segment(0xe0, [...Buffer.from('JFIF\0'), 1, 1, 0, 0, 1, 0, 1, 0, 0]),
		// A divisor of 8 makes the DC coefficient of a plain square its value minus 128.
		segment(0xdb, [0, ...Array<number>(64).fill(8)]),
		segment(0xc0, [8, 0, ROWS * 8, 0, COLUMNS * 8, 3, ...[1, 2, 3].flatMap((component) => [component, 0x11, 0])]),
		segment(0xc4, [0x00, ...DC_LENGTHS, ...Array.from({length: 12}, (_, category) => category)]),
		segment(0xc4, [0x10, ...AC_LENGTHS, 0]),
		segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
		entropyCoded(squares(seed)),
		Buffer.from([0xff, 0xd9]),
	]);
}

/** Y, Cb and Cr of each square, row by row. */
function squares(seed: Seed): readonly (readonly number[])[] {
	const dice = Buffer.concat([seed.of('mosaic 1'), seed.of('mosaic 2'), seed.of('mosaic 3')]);
	const hue = [64 + (dice.readUInt8(0) >> 1), 64 + (dice.readUInt8(1) >> 1)];
	return Array.from({length: ROWS * COLUMNS}, (_, square) => {
		const column = square % COLUMNS;
		const mirrored = Math.min(column, COLUMNS - 1 - column);
		const isDark = (dice[Math.floor(square / COLUMNS) * (COLUMNS / 2) + mirrored] ?? 0) % 2 === 0;
		return isDark ? [96, ...hue] : [232, 128, 128];
	});
}

function entropyCoded(blocks: readonly (readonly number[])[]): Buffer {
	const previous = [0, 0, 0];
	let bits = '';
	for (const block of blocks) {
		for (const [component, value] of block.entries()) {
			const level = value - 128;
			bits += difference(level - (previous[component] ?? 0)) + END_OF_BLOCK;
			previous[component] = level;
		}
	}
	const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
	const bytes = padded.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [];
	// A byte of ones would look like a marker.
	return Buffer.from(bytes.flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte])));
}

/** The code of the number of bits, then the bits; a negative number is its own value less one. */
function difference(value: number): string {
	const length = value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value))) + 1;
	const bits = value < 0 ? value + 2 ** length - 1 : value;
	return (DC_CODES[length] ?? '') + (length === 0 ? '' : bits.toString(2).padStart(length, '0'));
}

function segment(marker: number, content: readonly number[]): Buffer {
	const head = Buffer.from([0xff, marker, 0, 0]);
	head.writeUInt16BE(content.length + 2, 2);
	return Buffer.concat([head, Buffer.from(content)]);
}
