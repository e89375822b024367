import type {Broker, Consumer} from '../ports/broker.ts';
import type {Logger} from '../ports/logger.ts';
import {decodeChange, type Change} from './messages.ts';
import type {Publisher} from './publisher.ts';
import type {BroadcastQueue} from './topology.ts';

/** Small, cheap messages; more in hand than this only means that listeners are slow. */
const PREFETCH = 100;

/** What follows changes: a cache, or the open sockets. */
export interface ChangeListener {
	onChange(change: Change): void;
	/** Changes may have been missed: trust nothing. */
	onGap(): void;
}

/** Tells every process what changed, so that caches and open sockets follow. One per process. */
export class ControlBus {
	readonly #broker: Broker;
	readonly #queue: BroadcastQueue;
	readonly #publisher: Publisher;
	readonly #log: Logger;
	readonly #listeners = new Set<ChangeListener>();
	#consumer: Consumer | undefined;

	constructor({
		broker,
		queue,
		publisher,
		log,
	}: {
		broker: Broker;
		queue: BroadcastQueue;
		publisher: Publisher;
		log: Logger;
	}) {
		this.#broker = broker;
		this.#queue = queue;
		this.#publisher = publisher;
		this.#log = log;
	}

	/** Starts listening; call once. */
	async start(): Promise<void> {
		const onRestored = (): void => {
			for (const listener of this.#listeners) listener.onGap();
		};
		this.#consumer = await this.#broker.consume(this.#queue, {prefetch: PREFETCH, onRestored}, async (message) => {
			try {
				this.#tell(decodeChange(message));
			} catch (error) {
				this.#log.warn({error}, 'control.change.failed');
			}
			return Promise.resolve('ack');
		});
	}

	async stop(): Promise<void> {
		await this.#consumer?.close();
	}

	/**
	 * Announces a change that is stored already. This process follows at once (and again when the message comes back). Never throws:
	 * caches are stale for some seconds at most, whatever happens.
	 */
	async announce(change: Change): Promise<void> {
		try {
			this.#tell(change);
			await this.#publisher.change(change);
		} catch (error) {
			this.#log.warn({error, kind: change.kind}, 'control.announce.failed');
		}
	}

	follow(listener: ChangeListener): void {
		this.#listeners.add(listener);
	}

	#tell(change: Change): void {
		for (const listener of this.#listeners) listener.onChange(change);
	}
}
