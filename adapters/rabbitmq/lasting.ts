import {setTimeout as sleep} from 'node:timers/promises';
import {BrokerUnavailableError} from '../../domain/errors.ts';

/** The pause before the first new try, doubled with each further one … */
const FIRST_PAUSE_MS = 100;
/** … up to this. */
const LONGEST_PAUSE_MS = 5000;
/** What held for this long begins with the first pause again when it is lost. */
const STABLE_AFTER_MS = 2000;

/** Something that is open until it is lost. */
export interface Opened<T> {
	readonly value: T;
	/** Resolves with the reason once it is lost, also after `close`. Never rejects. */
	readonly lost: Promise<unknown>;
	/** Ends it in good order. Never rejects. */
	readonly close: () => Promise<void>;
}

export interface LastingOptions<T> {
	/** May fail as often as it likes. */
	readonly open: () => Promise<Opened<T>>;
	/** Told after every loss and every failed try; the next try is `pauseMs` away. */
	readonly onLost: (reason: unknown, pauseMs: number) => void;
}

/** Keeps one thing open (a connection, a channel): opens it again, for ever, whenever it is lost. */
export class Lasting<T> {
	readonly #options: LastingOptions<T>;
	readonly #stop = new AbortController();
	#opened: Opened<T> | undefined;
	#next = nextOpening<T>();

	constructor(options: LastingOptions<T>) {
		this.#options = options;
	}

	/** What is open right now. */
	get current(): T | undefined {
		return this.#opened?.value;
	}

	/** Resolves when it is open, at once if it is. @throws {BrokerUnavailableError} `stop` came first. */
	whenOpen(): Promise<T> {
		return this.#opened === undefined ? this.#next.promise : Promise.resolve(this.#opened.value);
	}

	/** Begins to keep it open; call once. @param opened what the caller opened already */
	start(opened?: Opened<T>): void {
		void this.#keepOpen(opened);
	}

	/** Opens no more, and closes what is open. */
	async stop(): Promise<void> {
		this.#stop.abort();
		this.#next.reject(new BrokerUnavailableError('it is being closed'));
		await this.#opened?.close();
	}

	async #keepOpen(first?: Opened<T>): Promise<void> {
		let opened = first;
		for (let attempt = 0; !this.#isStopped(); attempt++) {
			const startedAt = performance.now();
			const reason = await this.#liveOnce(opened);
			opened = undefined;
			if (this.#isStopped()) return;
			if (performance.now() - startedAt > STABLE_AFTER_MS) attempt = 0;
			const pauseMs = pauseBefore(attempt);
			this.#options.onLost(reason, pauseMs);
			// Keeps the process alive: it has work to do as soon as the broker is back.
			await sleep(pauseMs, undefined, {signal: this.#stop.signal}).catch(() => undefined);
		}
	}

	/** From opening to loss; resolves to the reason of its end. */
	async #liveOnce(given: Opened<T> | undefined): Promise<unknown> {
		try {
			const opened = given ?? (await this.#options.open());
			if (this.#isStopped()) {
				await opened.close();
				return undefined;
			}
			this.#opened = opened;
			this.#next.resolve(opened.value);
			const reason = await opened.lost;
			this.#opened = undefined;
			if (!this.#isStopped()) this.#next = nextOpening();
			return reason;
		} catch (error) {
			return error;
		}
	}

	#isStopped(): boolean {
		return this.#stop.signal.aborted;
	}
}

/** Between half of the full pause and all of it, so that many processes do not come back at the same moment. */
function pauseBefore(attempt: number): number {
	const fullMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
	return Math.round(fullMs * (0.5 + Math.random() / 2));
}

function nextOpening<T>(): PromiseWithResolvers<T> {
	const next = Promise.withResolvers<T>();
	// Nobody may be waiting when it is stopped.
	next.promise.catch(() => undefined);
	return next;
}
