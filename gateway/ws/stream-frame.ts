/** FIN and opcode 1 (text): RFC 6455 §5.2. A server's frames are not masked. */
const TEXT_FRAME = 0x81;
const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 127;

/** One JSON text on its way to many clients. */
export class StreamFrame {
	readonly body: Buffer;
	#wire: Buffer | undefined;

	constructor(body: Buffer) {
		this.body = body;
	}

	/** The body as a whole WebSocket frame: made once, then the same bytes for every socket. */
	get wire(): Buffer {
		return (this.#wire ??= encodeTextFrame(this.body));
	}
}

function encodeTextFrame(body: Buffer): Buffer {
	const {length} = body;
	const headerLength = length < LENGTH_IN_16_BITS ? 2 : length < 2 ** 16 ? 4 : 10;
	const frame = Buffer.allocUnsafe(headerLength + length);
	frame[0] = TEXT_FRAME;
	if (headerLength === 2) {
		frame[1] = length;
	} else if (headerLength === 4) {
		frame[1] = LENGTH_IN_16_BITS;
		frame.writeUInt16BE(length, 2);
	} else {
		frame[1] = LENGTH_IN_64_BITS;
		frame.writeBigUInt64BE(BigInt(length), 2);
	}
	body.copy(frame, headerLength);
	return frame;
}
