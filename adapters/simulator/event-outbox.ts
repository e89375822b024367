import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {EventSink} from '../../domain/ports/whatsapp-engine.ts';

/** What one session may have waiting: about 20 MB. Older events than these are given up, with a log line each. */
const MAX_WAITING = 10_000;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

interface Entry {
	readonly event: UpstreamEvent;
	readonly settle: () => void;
}

/** One session's events on their way to the sink: in order, one at a time, each tried until the sink takes it. */
export class EventOutbox {
	readonly #emit: EventSink;
	readonly #clock: Clock;
	readonly #log: Logger;
	#queue: Entry[] = [];
	#running: Promise<void> | undefined;
	#wake: (() => void) | undefined;
	#closing = false;

	constructor({emit, clock, log}: {emit: EventSink; clock: Clock; log: Logger}) {
		this.#emit = emit;
		this.#clock = clock;
		this.#log = log;
	}

	/** Resolves once the sink has the event, or once it was given up. Never rejects. */
	add(event: UpstreamEvent): Promise<void> {
		return new Promise((settle) => {
			this.#queue.push({event, settle});
			if (this.#queue.length > MAX_WAITING) {
				this.#giveUp(this.#queue.shift());
			}
			this.#running ??= this.#run();
		});
	}

	/** Hands over what the sink still takes; the first refusal ends that, and what is left is given up. */
	async close(): Promise<void> {
		this.#closing = true;
		this.#wake?.();
		await this.#running;
	}

	async #run(): Promise<void> {
		for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
			await this.#deliver(entry);
		}
		this.#running = undefined;
	}

	async #deliver(entry: Entry): Promise<void> {
		for (let failures = 0; !(await this.#try(entry.event, failures)); failures++) {
			await this.#pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS));
			if (this.#closing) {
				for (const lost of [entry, ...this.#queue.splice(0)]) this.#giveUp(lost);
				return;
			}
		}
		entry.settle();
	}

	async #try(event: UpstreamEvent, failures: number): Promise<boolean> {
		try {
			await this.#emit(event);
			return true;
		} catch (error) {
			this.#log.warn({error, failures: failures + 1, ...describe(event)}, 'simulator.event.refused');
			return false;
		}
	}

	#giveUp(entry: Entry | undefined): void {
		if (entry !== undefined) {
			this.#log.error(describe(entry.event), 'simulator.event.lost');
			entry.settle();
		}
	}

	#pause(delayMs: number): Promise<void> {
		if (this.#closing) {
			return Promise.resolve();
		}
		return new Promise((resolve) => {
			const timer = this.#clock.after(delayMs, resolve);
			this.#wake = () => {
				timer[Symbol.dispose]();
				resolve();
			};
		});
	}
}

function describe(event: UpstreamEvent): object {
	return {session: event.session, event: event.event, engineEventId: event.id};
}
