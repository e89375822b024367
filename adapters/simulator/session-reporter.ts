import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import {hashedUlid} from '../../domain/hashing.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ChaosSettings} from '../../domain/ports/simulator-control.ts';
import type {EventSink} from '../../domain/ports/whatsapp-engine.ts';
import {Chaos} from './chaos.ts';
import {EventOutbox} from './event-outbox.ts';
import {envelope, type ReportedAccount} from './noweb/envelope.ts';
import type {Seed} from './seed.ts';

/** The way of one session's events out: into envelopes, through chaos, to the sink. */
export class SessionReporter {
	readonly #session: string;
	readonly #clock: Clock;
	readonly #ids: Seed;
	readonly #chaos: Chaos;
	readonly #outbox: EventOutbox;
	readonly #me: () => ReportedAccount | null;
	#deaf = false;

	/** @param options.seed event ids and misfortunes are drawn from it @param options.me the account as events carry it */
	constructor(options: {
		session: string;
		seed: Seed;
		clock: Clock;
		emit: EventSink;
		log: Logger;
		me: () => ReportedAccount | null;
	}) {
		const {session, seed, clock, emit, log, me} = options;
		this.#me = me;
		this.#session = session;
		this.#clock = clock;
		this.#ids = seed.child('events');
		this.#chaos = new Chaos({seed: seed.child('chaos'), clock});
		this.#outbox = new EventOutbox({emit, clock, log});
	}

	/** True while it says nothing, whatever happens. */
	get deaf(): boolean {
		return this.#deaf;
	}

	setChaos(settings: ChaosSettings): void {
		this.#chaos.set(settings);
		this.#deaf = settings.deaf ?? this.#deaf;
	}

	/** Ends deafness, as restarts do. */
	wake(): void {
		this.#deaf = false;
	}

	/**
	 * Reports one happening under one or several event names, with one id. Resolves once it is confirmed (or lost to chaos);
	 * never rejects.
	 */
	async report(events: readonly string[], payload: object): Promise<void> {
		if (this.#deaf) {
			return;
		}
		const timestampMs = this.#clock.now();
		const id = `evt_${hashedUlid(timestampMs, this.#ids.next()).toLowerCase()}`;
		const frame = {session: this.#session, id, timestampMs, me: this.#me()};
		await Promise.all(events.map((event) => this.#pass(envelope(frame, event, payload))));
	}

	/** Hands over what the sink still takes. */
	async close(): Promise<void> {
		this.#chaos.release();
		await this.#outbox.close();
	}

	#pass(event: UpstreamEvent): Promise<void> {
		return this.#chaos.pass(() => this.#outbox.add(event));
	}
}
