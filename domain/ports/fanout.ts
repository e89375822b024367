/** An event on its way to open sockets. */
export interface FanoutFrame {
	readonly eventId: string;
	readonly event: string;
	readonly connectionId: string | null;
	/** The envelope's JSON, the bytes that sockets send. */
	readonly body: Buffer;
}

/** Hands frames from dispatchers to the processes that hold a room's sockets. Forgetful: a loss is noticed, not repeated. */
export interface Fanout extends AsyncDisposable {
	/** Resolves when handed over; nobody may be listening. */
	publish(room: string, frame: FanoutFrame): Promise<void>;
	/** Calls back for every frame of the room until disposed. Resolves once the subscription stands. */
	subscribe(room: string, handle: (frame: FanoutFrame) => void): Promise<AsyncDisposable>;
	/** Calls back each time frames may have been lost (after a reconnect); catch up from the log then. */
	onGap(handle: () => void): Disposable;
}
