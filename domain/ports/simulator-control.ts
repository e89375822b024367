/** What contacts send. */
export const SIMULATED_TYPES = ['text', 'image', 'video', 'document', 'voice'] as const;

export type SimulatedType = (typeof SIMULATED_TYPES)[number];

/** The largest document that is drawn. */
export const MAX_DRAWN_BYTES = 100 * 1024 * 1024;

/** A file that a contact sends, given by whoever controls the simulator. */
export interface SimulatedMedia {
	/** Base64, at most 1 MB of bytes. */
	readonly data: string;
	readonly mimetype: string;
	/** What people see. Default: none. */
	readonly filename?: string;
}

/** A message that a simulated contact sends to the session. */
export interface SimulatedMessage {
	/** A person, in any form that recipients may have. */
	readonly from: string;
	/** The group in which it is written, `<id>@g.us`. Default: the direct chat. */
	readonly group?: string;
	/** The text, or a file's caption; voice notes have none. Default: "Hi there!" for a text, no caption for a file. */
	readonly text?: string;
	/** Default text, or what fits the media. */
	readonly type?: SimulatedType;
	/** Default: a small real file is drawn for types that have one. */
	readonly media?: SimulatedMedia;
	/** A document of this many bytes, up to `MAX_DRAWN_BYTES`, is made while it is read. */
	readonly sizeBytes?: number;
}

/**
 * How the files of events can be fetched: `served` for 180 s; `expired`, as if that were over; `gone`, so that not even fetching
 * a message's file again helps.
 */
export const MEDIA_AVAILABILITIES = ['served', 'expired', 'gone'] as const;

export type MediaAvailability = (typeof MEDIA_AVAILABILITIES)[number];

/** Misbehaviour to switch on; absent = unchanged. None of it outlives the process. */
export interface ChaosSettings {
	/** Shares of events, 0 to 1. */
	readonly drop?: number;
	readonly duplicate?: number;
	/** Swaps an event with the one after it. */
	readonly reorder?: number;
	/** Says WORKING and reports nothing, until a restart; what contacts do meanwhile is reported then. */
	readonly deaf?: boolean;
	readonly media?: MediaAvailability;
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
	/** The chats in which contacts see the session typing now. */
	typingIn(session: string): Promise<readonly string[]>;
}
