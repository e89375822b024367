/** Handing bytes from dispatchers to the processes that hold a user's sockets. Forgetful: a lost message is noticed, not repeated. */
export interface Fanout {
	/** Resolves when handed over; nobody may be listening. `meta` travels with the bytes. */
	publish(room: string, frame: FanoutFrame): Promise<void>;
	/** Calls back for every frame of the room until disposed. Resolves once the subscription stands. */
	subscribe(room: string, handle: (frame: FanoutFrame) => void): Promise<AsyncDisposable>;
	/** Calls back each time frames may have been lost (a reconnect); catch up from the log then. */
	onGap(handle: () => void): Disposable;
}

export interface FanoutFrame {
	readonly eventId: string;
	readonly event: string;
	readonly connectionId: string | null;
	/** The envelope's JSON. */
	readonly body: Buffer;
}
