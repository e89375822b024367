import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';

/** How long changes may wait that are only a matter of repeating an acknowledgement. */
const LATER_MS = 1000;

interface Waiter {
	readonly resolve: () => void;
	readonly reject: (error: unknown) => void;
}

/** Writes one document, never twice at once: callers that come during a write share the next one. */
export class StateWriter {
	readonly #write: () => Promise<void>;
	readonly #clock: Clock;
	readonly #log: Logger;
	#waiting: Waiter[] = [];
	#running: Promise<void> | undefined;
	#timer: Disposable | undefined;
	#closed = false;

	/** @param write reads the document's state when it is called */
	constructor({write, clock, log}: {write: () => Promise<void>; clock: Clock; log: Logger}) {
		this.#write = write;
		this.#clock = clock;
		this.#log = log;
	}

	/** Resolves once everything changed so far is durable; at once after `close`. Rejects with what the store threw. */
	save(): Promise<void> {
		if (this.#closed) {
			return Promise.resolve();
		}
		this.#cancelTimer();
		return new Promise((resolve, reject) => {
			this.#waiting.push({resolve, reject});
			this.#running ??= this.#run();
		});
	}

	/** Saves within a second, and with the next change when that fails. */
	saveLater(): void {
		if (this.#closed) {
			return;
		}
		this.#timer ??= this.#clock.after(LATER_MS, () => {
			this.save().catch((error: unknown) => {
				this.#log.warn({error}, 'simulator.state.unsaved');
			});
		});
	}

	/** Writes what `saveLater` left, then nothing more. Rejects with what the store threw. */
	async close(): Promise<void> {
		const last = this.#timer === undefined ? undefined : this.save();
		await Promise.all([last, this.discard()]);
	}

	/** Writes nothing more; resolves when a write that is under way has ended. */
	async discard(): Promise<void> {
		this.#closed = true;
		this.#cancelTimer();
		await this.#running;
	}

	async #run(): Promise<void> {
		while (this.#waiting.length > 0) {
			const waiting = this.#waiting;
			this.#waiting = [];
			try {
				await this.#write();
				for (const {resolve} of waiting) resolve();
			} catch (error) {
				for (const {reject} of waiting) reject(error);
			}
		}
		this.#running = undefined;
	}

	#cancelTimer(): void {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
	}
}
