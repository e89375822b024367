/** A message that a simulated contact sends to the session. */
export interface SimulatedMessage {
	/** A person, in any form that recipients may have. */
	readonly from: string;
	/** The text, or an image's caption. Default: "Hi there!" for a text, no caption for an image. */
	readonly text?: string;
	/** Default text. */
	readonly type?: 'text' | 'image';
}

/** Misbehaviour to switch on; absent = unchanged. None of it outlives the process. */
export interface ChaosSettings {
	/** Shares of events, 0 to 1. */
	readonly drop?: number;
	readonly duplicate?: number;
	/** Swaps an event with the one after it. */
	readonly reorder?: number;
	/** Says WORKING and reports nothing, until a restart; what contacts do meanwhile is reported then. */
	readonly deaf?: boolean;
}

/**
 * What the other side of WhatsApp does, on demand. What contacts do while a linked session is not WORKING is kept and
 * reported once it is.
 * @throws {EngineError} SESSION_NOT_FOUND; SESSION_NOT_CONNECTED for all but `scan` and `setChaos` while not linked
 * @throws {ValidationError} an argument that cannot be
 */
export interface SimulatorControl {
	/** Scans the QR code on screen: the session links. @throws {EngineError} QR_NOT_READY without one */
	scan(session: string): Promise<void>;
	/**
	 * A contact writes; resolves to the message's id once the event is confirmed (or kept for later).
	 * @throws {EngineError} RECIPIENT_NOT_ON_WHATSAPP, RECIPIENT_BLOCKED for such test numbers; ENGINE_TIMEOUT while the
	 *   broker is away: it is queued, and a repeat would be a second one. The same goes for `acknowledge` and `react`.
	 */
	receive(session: string, message: SimulatedMessage): Promise<{messageId: string}>;
	/**
	 * Acknowledges a sent message: 1 server, 2 device, 3 read, 4 played, -1 error.
	 * @throws {NotFoundError} not among the messages that this session sent lately
	 */
	acknowledge(session: string, messageId: string, ack: number): Promise<void>;
	/** A contact reacts to a message (full id); an empty text removes the reaction. */
	react(session: string, messageId: string, from: string, text: string): Promise<void>;
	/** The device loses its network: STARTING until `goOnline`, over restarts too. */
	goOffline(session: string): Promise<void>;
	goOnline(session: string): Promise<void>;
	/** The phone unlinks this device: FAILED, without credentials. */
	logOut(session: string): Promise<void>;
	/** Restricts the account from new chats until then; a moment in the past lifts it. */
	restrict(session: string, until: Date): Promise<void>;
	setChaos(session: string, settings: ChaosSettings): Promise<void>;
}
