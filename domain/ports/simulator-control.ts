/** A message that a simulated contact sends to the session. */
export interface SimulatedMessage {
	/** The sender, in any form that recipients may have. */
	readonly from: string;
	readonly text?: string;
	readonly type?: 'text' | 'image';
}

/** Misbehaviour to switch on; absent = unchanged. */
export interface ChaosSettings {
	/** Shares of events, 0 to 1. */
	readonly drop?: number;
	readonly duplicate?: number;
	readonly reorder?: number;
	/** Says WORKING and reports nothing. */
	readonly deaf?: boolean;
}

/** What the other side of WhatsApp does, on demand. @throws {EngineError} when the session is not in a state for it. */
export interface SimulatorControl {
	/** Scans the QR code on screen: the session links. */
	scan(session: string): Promise<void>;
	/** A contact writes; resolves to the message's id. */
	receive(session: string, message: SimulatedMessage): Promise<{messageId: string}>;
	/** Acknowledges a sent message: 1 server, 2 device, 3 read, 4 played, -1 error. */
	acknowledge(session: string, messageId: string, ack: number): Promise<void>;
	/** A contact reacts to a message; an empty text removes the reaction. */
	react(session: string, messageId: string, from: string, text: string): Promise<void>;
	goOffline(session: string): Promise<void>;
	goOnline(session: string): Promise<void>;
	/** The phone unlinks this device. */
	logOut(session: string): Promise<void>;
	/** Restricts the account from new chats until then. */
	restrict(session: string, until: Date): Promise<void>;
	setChaos(session: string, settings: ChaosSettings): Promise<void>;
}
