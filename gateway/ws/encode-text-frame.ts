/** FIN and opcode 1 (text): RFC 6455 §5.2. A server's frames are not masked. */
const TEXT_FRAME = 0x81;
const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 127;

/** The parts of a text as one whole WebSocket frame. */
export function encodeTextFrame(...parts: readonly Buffer[]): Buffer {
	const length = parts.reduce((sum, part) => sum + part.length, 0);
	return Buffer.concat([headerOf(length), ...parts]);
}

function headerOf(length: number): Buffer {
	if (length < LENGTH_IN_16_BITS) {
		return Buffer.from([TEXT_FRAME, length]);
	}
	if (length < 2 ** 16) {
		const header = Buffer.from([TEXT_FRAME, LENGTH_IN_16_BITS, 0, 0]);
		header.writeUInt16BE(length, 2);
		return header;
	}
	const header = Buffer.alloc(10);
	header[0] = TEXT_FRAME;
	header[1] = LENGTH_IN_64_BITS;
	header.writeBigUInt64BE(BigInt(length), 2);
	return header;
}
