import type {Clock} from '../../domain/ports/clock.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import type {Entrant} from './admission.ts';
import {isAlive} from './is-alive.ts';
import {DEFAULT_LANE, Lane, type LaneSettings} from './lane.ts';
import type {TurnEnd} from './turn.ts';

/** While the process is pressed for room, slow lanes are looked for this often. */
const RELIEF_MS = 250;

/** When there are this many lanes, those that are idle by now are forgotten … */
const SWEEP_AT = 10_000;
/** … so often at most: it may be that none is. */
const SWEEP_INTERVAL_MS = 10_000;

/** The lanes of a process, one for each webhook that has something under way or to remember. Idle lanes take no memory. */
export class Lanes {
	readonly #clock: Clock;
	readonly #settings: LaneSettings;
	/** So many messages in hand leave little room for others. */
	readonly #pressedAt: number;
	/** So many leave enough. */
	readonly #relievedAt: number;
	readonly #lanes = new Map<string, Lane>();
	/** Of those who work here: when one is aborted, its waiting deliveries go back. */
	readonly #signals = new WeakSet<AbortSignal>();
	#inHand = 0;
	#sweptAtMs = -Infinity;
	#relief: Disposable | undefined;

	/** @param options.capacity how many messages may be in hand at once (the prefetch) */
	constructor({clock, capacity, settings = DEFAULT_LANE}: {clock: Clock; capacity: number; settings?: LaneSettings}) {
		this.#clock = clock;
		this.#settings = settings;
		this.#pressedAt = capacity * 0.8;
		this.#relievedAt = capacity * 0.7;
	}

	/** Lanes in memory. */
	get size(): number {
		return this.#lanes.size;
	}

	get isPressed(): boolean {
		return this.#inHand > this.#pressedAt;
	}

	/** Counts a message as in hand for as long as `work` takes. */
	async hold<T>(work: () => Promise<T>): Promise<T> {
		this.#inHand++;
		if (this.isPressed) this.#relieve();
		try {
			return await work();
		} finally {
			this.#inHand--;
		}
	}

	/** The lane of a webhook, as wide and as fast as the webhook says now. */
	of({id, concurrency, ratePerSecond}: Pick<Webhook, 'id' | 'concurrency' | 'ratePerSecond'>): Lane {
		let lane = this.#lanes.get(id);
		if (lane === undefined) {
			if (this.#lanes.size >= SWEEP_AT) this.#sweep();
			lane = new Lane(this.#settings);
			this.#lanes.set(id, lane);
		}
		lane.concurrency = concurrency ?? this.#settings.concurrency;
		lane.ratePerSecond = ratePerSecond;
		return lane;
	}

	/**
	 * Makes an attempt where the webhook's lane has room, and none once the signal is aborted.
	 * @param work.park what to do instead when it has none
	 */
	async run(
		webhook: Pick<Webhook, 'id' | 'concurrency' | 'ratePerSecond'>,
		{
			entrant,
			attempt,
			park,
		}: {
			entrant: Required<Entrant>;
			attempt: () => Promise<TurnEnd>;
			park: (untilMs: number) => TurnEnd;
		},
	): Promise<TurnEnd> {
		const lane = this.of(webhook);
		const {signal} = entrant;
		this.#follow(signal);
		try {
			const admission = await lane.enter(this.#clock.now(), this.isPressed, entrant);
			switch (admission.kind) {
				case 'run':
					return await lane.run(admission, {clock: this.#clock, attempt, isAlive, signal});
				case 'park':
					return park(admission.untilMs);
				case 'return':
					return 'returned';
			}
		} finally {
			this.release(webhook.id);
		}
	}

	/** Takes the lane's memory back once it has nothing to remember. */
	release(webhookId: string): void {
		if (this.#lanes.get(webhookId)?.isIdle(this.#clock.now()) === true) {
			this.#lanes.delete(webhookId);
		}
	}

	#follow(signal: AbortSignal): void {
		if (this.#signals.has(signal)) return;
		this.#signals.add(signal);
		signal.addEventListener('abort', () => {
			for (const lane of this.#lanes.values()) lane.dismiss(signal);
		});
	}

	#sweep(): void {
		const now = this.#clock.now();
		if (now - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
		this.#sweptAtMs = now;
		for (const webhookId of this.#lanes.keys()) this.release(webhookId);
	}

	/**
	 * Parks of what waits for slow endpoints as much as is too much, a share of each lane, now and for as long as there is no room. Not all
	 * of it: hundreds that come back at the same moment would hold up everybody.
	 */
	#relieve(): void {
		if (this.#relief !== undefined) return;
		const now = this.#clock.now();
		const slow = [...this.#lanes.values()].map((lane) => ({lane, waiting: lane.waitingForSlow(now)}));
		const share = (this.#inHand - this.#relievedAt) / slow.reduce((sum, {waiting}) => sum + waiting, 0);
		for (const {lane, waiting} of slow) if (waiting > 0) lane.relieve(now, Math.ceil(waiting * share));
		this.#relief = this.#clock.after(RELIEF_MS, () => {
			this.#relief = undefined;
			if (this.isPressed) this.#relieve();
		});
	}
}
