import {encodeTextFrame} from './encode-text-frame.ts';

/** What a frame is: an event, or something about the stream itself. Socket.IO and Server-Sent Events have it as the event's name. */
export type FrameKind = 'event' | 'ready' | 'gap' | 'subscribed' | 'error' | 'closing';

/** Engine.IO's packet type "message", before Socket.IO's packet type "event". */
const ENGINE_MESSAGE = Buffer.from('4');

/** A packet as engine.io takes it. */
export interface SocketIoPacket {
	/** Sent where there is no WebSocket (long polling). */
	readonly text: string;
	/** The whole WebSocket frame, as socket.io-adapter prepares it for its own broadcasts. */
	readonly options: {readonly compress: false; readonly wsPreEncodedFrame: readonly [Buffer]};
}

/** One JSON text on its way to many clients. Each transport's bytes are made once, when the first of its clients gets them. */
export class StreamFrame {
	readonly kind: FrameKind;
	/** One line of JSON. */
	readonly body: Buffer;
	#wire: Buffer | undefined;
	#socketIo: SocketIoPacket | undefined;
	#serverSent: Buffer | undefined;

	constructor(kind: FrameKind, body: Buffer) {
		this.kind = kind;
		this.body = body;
	}

	/** A frame about the stream itself; plain WebSockets tell it from an event by its `type`. */
	static about(kind: Exclude<FrameKind, 'event'>, fields: object): StreamFrame {
		return new StreamFrame(kind, Buffer.from(JSON.stringify({type: kind, ...fields})));
	}

	/** The body as a whole WebSocket frame. */
	get wire(): Buffer {
		return (this.#wire ??= encodeTextFrame(this.body));
	}

	/** `emit(kind, body)` in Socket.IO's main namespace. */
	get socketIo(): SocketIoPacket {
		return (this.#socketIo ??= this.#toSocketIo());
	}

	/** Events are unnamed, so that `onmessage` gets them, and carry their id, so that a client resumes behind them. */
	get serverSent(): Buffer {
		return (this.#serverSent ??= Buffer.concat([
			Buffer.from(`${this.kind === 'event' ? '' : `event: ${this.kind}\n`}${this.idLine}data: `),
			this.body,
			Buffer.from('\n\n'),
		]));
	}

	/** Empty for what leaves the place of a client as it is. */
	protected get idLine(): string {
		return '';
	}

	#toSocketIo(): SocketIoPacket {
		const packet = Buffer.concat([Buffer.from(`2["${this.kind}",`), this.body, Buffer.from(']')]);
		const wsPreEncodedFrame = [encodeTextFrame(ENGINE_MESSAGE, packet)] as const;
		return {text: packet.toString(), options: {compress: false, wsPreEncodedFrame}};
	}
}
