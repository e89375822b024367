import type {Seed} from '../seed.ts';
import {mosaicJpeg, MOSAIC_SIZE} from './mosaic-jpeg.ts';

/** Of every video, in seconds: one picture each. */
export const VIDEO_SECONDS = 5;

/** MP4's code for JPEG pictures in an elementary stream. */
const JPEG_OBJECT_TYPE = 0x6c;
const UNITY_MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000] as const;

/** A real video, MP4 with motion JPEG: a slide show of mosaics, a second each. */
export function mosaicVideo(seed: Seed): Buffer {
	const frames = Array.from({length: VIDEO_SECONDS}, (_, second) => mosaicJpeg(seed.child(`second ${second}`)));
	const start = box('ftyp', text('isom'), uint32(0x200), text('isommp41'));
	const framesAt = start.length + 8;
	return Buffer.concat([start, box('mdat', ...frames), movie(frames, framesAt)]);
}

function movie(frames: readonly Buffer[], framesAt: number): Buffer {
	const {width, height} = MOSAIC_SIZE;
	const header = [uint32(0, 0, 1, VIDEO_SECONDS, 0x10000), uint16(0x100, 0), uint32(0, 0), uint32(...UNITY_MATRIX)];
	return box(
		'moov',
		fullBox('mvhd', 0, ...header, uint32(0, 0, 0, 0, 0, 0, 2)),
		box(
			'trak',
			fullBox(
				'tkhd',
				3,
				uint32(0, 0, 1, 0, VIDEO_SECONDS, 0, 0, 0, 0),
				uint32(...UNITY_MATRIX, width << 16, height << 16),
			),
			box(
				'mdia',
				fullBox('mdhd', 0, uint32(0, 0, 1, VIDEO_SECONDS), uint16(0x55c4, 0)),
				fullBox('hdlr', 0, uint32(0), text('vide'), uint32(0, 0, 0), text('mosaic\0')),
				box(
					'minf',
					fullBox('vmhd', 1, uint16(0, 0, 0, 0)),
					box('dinf', fullBox('dref', 0, uint32(1), fullBox('url ', 1))),
					sampleTable(frames, framesAt),
				),
			),
		),
	);
}

function sampleTable(frames: readonly Buffer[], framesAt: number): Buffer {
	return box(
		'stbl',
		fullBox('stsd', 0, uint32(1), sampleEntry()),
		fullBox('stts', 0, uint32(1, frames.length, 1)),
		fullBox('stsc', 0, uint32(1, 1, frames.length, 1)),
		fullBox('stsz', 0, uint32(0, frames.length, ...frames.map(({length}) => length))),
		fullBox('stco', 0, uint32(1, framesAt)),
	);
}

function sampleEntry(): Buffer {
	const {width, height} = MOSAIC_SIZE;
	const decoder = descriptor(4, Buffer.from([JPEG_OBJECT_TYPE, 0x11, 0, 0, 0]), uint32(0, 0));
	const stream = descriptor(3, uint16(1), Buffer.from([0]), decoder, descriptor(6, Buffer.from([2])));
	return box(
		'mp4v',
		uint32(0),
		uint16(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, width, height),
		uint32(0x480000, 0x480000, 0),
		uint16(1),
		Buffer.alloc(32),
		uint16(24, 0xffff),
		fullBox('esds', 0, stream),
	);
}

function box(type: string, ...content: readonly Buffer[]): Buffer {
	const body = Buffer.concat(content);
	return Buffer.concat([uint32(body.length + 8), text(type), body]);
}

function fullBox(type: string, flags: number, ...content: readonly Buffer[]): Buffer {
	return box(type, uint32(flags), ...content);
}

/** Of an elementary stream; none here is longer than 127 bytes. */
function descriptor(tag: number, ...content: readonly Buffer[]): Buffer {
	const body = Buffer.concat(content);
	return Buffer.concat([Buffer.from([tag, body.length]), body]);
}

function uint32(...values: readonly number[]): Buffer {
	const bytes = Buffer.alloc(values.length * 4);
	for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
	return bytes;
}

function uint16(...values: readonly number[]): Buffer {
	const bytes = Buffer.alloc(values.length * 2);
	for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
	return bytes;
}

function text(value: string): Buffer {
	return Buffer.from(value, 'latin1');
}
