import {EngineError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Incident} from './session-state.ts';
import type {StateWriter} from './state-writer.ts';

/** How much may wait for a session that cannot be told; the oldest goes first, with a log line. */
const MAX_WAITING = 1000;

/** How long a caller waits for the broker to confirm the event. */
const CONFIRM_MS = 10_000;

interface IncidentOptions {
	readonly session: string;
	/** What is kept over restarts, oldest first; changed in place. */
	readonly waiting: Incident[];
	readonly writer: StateWriter;
	readonly clock: Clock;
	readonly log: Logger;
	/** Reports it. Resolves once that is confirmed; never rejects. */
	readonly deliver: (incident: Incident) => Promise<void>;
}

/** What happens to a session, in order: told at once while it is open, kept as long as it is not (as WhatsApp's servers do). */
export class Incidents {
	readonly #options: IncidentOptions;
	#open = false;
	#flushing = false;

	constructor(options: IncidentOptions) {
		this.#options = options;
	}

	/** Delivers what waits, then everything at once. */
	open(): void {
		this.#open = true;
		void this.#flush();
	}

	close(): void {
		this.#open = false;
	}

	/**
	 * Resolves once it is safe: confirmed by the broker, or stored.
	 * @throws {EngineError} ENGINE_TIMEOUT when the broker is away: it is queued, and a repeat would be a second one.
	 */
	async add(incident: Incident): Promise<void> {
		const {session, waiting, writer, log, deliver} = this.#options;
		if (this.#open && waiting.length === 0) {
			await this.#confirmed(deliver(incident));
			return;
		}
		waiting.push(incident);
		if (waiting.length > MAX_WAITING) {
			log.error({session, kind: waiting.shift()?.kind}, 'simulator.incident.lost');
		}
		await writer.save();
	}

	/** One after the other, each forgotten once it is confirmed: a crash repeats one rather than losing it. */
	async #flush(): Promise<void> {
		if (this.#flushing) {
			return;
		}
		this.#flushing = true;
		const {waiting, writer, deliver} = this.#options;
		for (let incident = waiting[0]; this.#open && incident !== undefined; incident = waiting[0]) {
			await deliver(incident);
			if (waiting[0] === incident) {
				waiting.shift();
			}
			writer.saveLater();
		}
		this.#flushing = false;
	}

	#confirmed(delivery: Promise<void>): Promise<void> {
		return new Promise((resolve, reject) => {
			const timer = this.#options.clock.after(CONFIRM_MS, () => {
				reject(
					new EngineError('ENGINE_TIMEOUT', 'The broker is away: the event follows later, do not repeat the call'),
				);
			});
			void delivery.then(() => {
				timer[Symbol.dispose]();
				resolve();
			});
		});
	}
}
