import type {Seed} from '../seed.ts';

/** Of every voice note, in seconds. */
export const VOICE_SECONDS = 5;

/** 20 ms of silence as Opus has it: full band, mono, one frame. */
const SILENCE = Buffer.from([0xf8, 0xff, 0xfe]);
const PACKETS_PER_SECOND = 50;
const SAMPLES_PER_PACKET = 960;
const FIRST_PAGE = 2;
const LAST_PAGE = 4;

/** A real voice note of silence, OGG/Opus (RFC 7845); a comment makes it differ from those of other seeds. */
export function silentVoiceNote(seed: Seed): Buffer {
	const serial = seed.of('ogg serial').readUInt32LE(0);
	const name = seed.of('ogg comment').toString('hex', 0, 16);
	const pages = [
		page({serial, sequence: 0, flags: FIRST_PAGE, samples: 0, packets: [opusHead()]}),
		page({serial, sequence: 1, flags: 0, samples: 0, packets: [opusTags(`DESCRIPTION=${name}`)]}),
	];
	for (let second = 1; second <= VOICE_SECONDS; second++) {
		pages.push(
			page({
				serial,
				sequence: second + 1,
				flags: second === VOICE_SECONDS ? LAST_PAGE : 0,
				samples: second * PACKETS_PER_SECOND * SAMPLES_PER_PACKET,
				packets: Array<Buffer>(PACKETS_PER_SECOND).fill(SILENCE),
			}),
		);
	}
	return Buffer.concat(pages);
}

function opusHead(): Buffer {
	const head = Buffer.alloc(19);
	head.write('OpusHead');
	head.writeUInt8(1, 8);
	head.writeUInt8(1, 9);
	head.writeUInt16LE(312, 10);
	head.writeUInt32LE(48_000, 12);
	return head;
}

function opusTags(comment: string): Buffer {
	return Buffer.concat([Buffer.from('OpusTags'), lengthAndText('simulator'), uint32(1), lengthAndText(comment)]);
}

interface Page {
	readonly serial: number;
	readonly sequence: number;
	readonly flags: number;
	/** How many samples there are up to the end of this page. */
	readonly samples: number;
	/** Each under 255 bytes, so that one lacing value holds its length. */
	readonly packets: readonly Buffer[];
}

function page({serial, sequence, flags, samples, packets}: Page): Buffer {
	const head = Buffer.alloc(27);
	head.write('OggS');
	head.writeUInt8(flags, 5);
	head.writeBigUInt64LE(BigInt(samples), 6);
	head.writeUInt32LE(serial, 14);
	head.writeUInt32LE(sequence, 18);
	head.writeUInt8(packets.length, 26);
	const whole = Buffer.concat([head, Buffer.from(packets.map(({length}) => length)), ...packets]);
	whole.writeUInt32LE(checksum(whole), 22);
	return whole;
}

/** Ogg's CRC: polynomial 0x04c11db7, neither reflected nor inverted, over the page with an empty checksum. */
function checksum(bytes: Buffer): number {
	let crc = 0;
	for (const byte of bytes) {
		crc ^= byte << 24;
		for (let bit = 0; bit < 8; bit++) {
			crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
		}
	}
	return crc >>> 0;
}

function lengthAndText(text: string): Buffer {
	return Buffer.concat([uint32(Buffer.byteLength(text)), Buffer.from(text)]);
}

function uint32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value);
	return bytes;
}
