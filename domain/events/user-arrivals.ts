import type {Clock} from '../ports/clock.ts';
import type {EventStore} from '../ports/event-store.ts';
import type {Fanout} from '../ports/fanout.ts';
import type {Logger} from '../ports/logger.ts';

/** A live frame is ahead of the log by about this. */
const LOG_LAG_MS = 50;
/** Between two looks into the log that frames give reason to. */
const SHORTEST_GAP_MS = 200;
/** Between two looks when there are no frames: they may be lost, and the log may be behind. */
const LONGEST_GAP_MS = 1000;

export interface UserArrivalsOptions {
	readonly userId: string;
	readonly fanout: Fanout;
	readonly events: EventStore;
	readonly clock: Clock;
	readonly log: Logger;
}

/** Everybody who waits for events of one user: they share one subscription and the looks at the end of the log. */
export class UserArrivals {
	readonly #options: UserArrivalsOptions;
	readonly #waiting = new Set<(end: number) => void>();
	#end = 0;
	#isClosed = false;
	#subscription: AsyncDisposable | undefined;
	#timer: Disposable | undefined;
	#lookAtMs = Infinity;
	#lookedAtMs = 0;

	constructor(options: UserArrivalsOptions) {
		this.#options = options;
		void this.#subscribe();
		this.#schedule(options.clock.now());
	}

	/** Resolves to the end of the log once that is beyond `position`; to undefined after `timeoutMs`, or when nobody waits any more. */
	async beyond(position: number, timeoutMs: number, signal: AbortSignal): Promise<number | undefined> {
		if (this.#end > position) return this.#end;
		if (this.#isClosed || signal.aborted) return undefined;
		const {promise, resolve} = Promise.withResolvers<number | undefined>();
		const giveUp = (): void => {
			resolve(undefined);
		};
		const look = (end: number): void => {
			if (end > position) resolve(end);
			else if (this.#isClosed) giveUp();
		};
		using _timer = this.#options.clock.after(timeoutMs, giveUp);
		signal.addEventListener('abort', giveUp);
		this.#waiting.add(look);
		try {
			return await promise;
		} finally {
			this.#waiting.delete(look);
			signal.removeEventListener('abort', giveUp);
		}
	}

	/** Sends everybody away. */
	async close(): Promise<void> {
		this.#isClosed = true;
		this.#timer?.[Symbol.dispose]();
		this.#tell();
		await this.#subscription?.[Symbol.asyncDispose]();
	}

	/** Without it there are the regular looks. */
	async #subscribe(): Promise<void> {
		const {fanout, userId, log} = this.#options;
		try {
			const subscription = await fanout.subscribe(userId, () => {
				this.#onFrame();
			});
			this.#subscription = subscription;
			if (this.#isClosed) await subscription[Symbol.asyncDispose]();
		} catch (error) {
			log.warn({error, userId}, 'events.subscribe.failed');
		}
	}

	#onFrame(): void {
		this.#schedule(Math.max(this.#options.clock.now() + LOG_LAG_MS, this.#lookedAtMs + SHORTEST_GAP_MS));
	}

	/** The earliest look counts. */
	#schedule(atMs: number): void {
		if (this.#isClosed || this.#lookAtMs <= atMs) return;
		const {clock} = this.#options;
		this.#timer?.[Symbol.dispose]();
		this.#lookAtMs = atMs;
		this.#timer = clock.after(Math.max(0, atMs - clock.now()), () => void this.#look());
	}

	async #look(): Promise<void> {
		const {events, userId, clock, log} = this.#options;
		this.#lookAtMs = Infinity;
		this.#lookedAtMs = clock.now();
		try {
			this.#end = await events.lastSeq(userId);
			this.#tell();
		} catch (error) {
			log.warn({error, userId}, 'events.look.failed');
		}
		this.#schedule(this.#lookedAtMs + LONGEST_GAP_MS);
	}

	#tell(): void {
		for (const look of this.#waiting) look(this.#end);
	}
}
