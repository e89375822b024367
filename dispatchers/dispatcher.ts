import type {Disposition} from '../domain/broker/disposition.ts';
import {kindOf} from '../domain/broker/messages.ts';
import {dueAtMsOf, isDue, type Publisher} from '../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../domain/broker/topology.ts';
import {BrokerUnavailableError} from '../domain/errors.ts';
import type {Broker, Consumer, Message, MessageHeaders, Settlement} from '../domain/ports/broker.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {Dependency, HealthCheck} from '../domain/ports/health-check.ts';
import type {Logger} from '../domain/ports/logger.ts';
import {dispositionOf} from './dispositions.ts';
import {Outage} from './outage.ts';
import {asPlanned, putOff} from './put-off.ts';

/**
 * After this long in hand, over however many outages, messages go back to the broker: well under RabbitMQ's 30 minutes for an
 * unacknowledged one.
 */
const HOLD_PATIENCE_MS = 10 * 60_000;

/** Handed-back messages come again after this. */
const HAND_BACK_DELAY_MS = 60_000;

/** A dead letter that cannot be kept has nowhere else to go: it is tried again for ever, this often. */
const DEAD_LETTER_RETRY_MS = 5 * 60_000;

/** Own header: how often a handler failed with this message. */
const FAILURES_HEADER = 'failures';

/** What dispatchers share. */
export interface DispatcherContext {
	readonly broker: Broker;
	readonly publisher: Publisher;
	readonly clock: Clock;
	readonly log: Logger;
	/** Probed while a dependency is away. */
	readonly healthChecks: readonly HealthCheck[];
}

export interface DispatcherOptions {
	readonly queue: QueueDeclaration;
	/** Messages in hand at once: 1–2 × the handler's concurrency. */
	readonly prefetch: number;
	/** May stay pending until a batch is durable; a throw is turned into a disposition by its error's code. */
	readonly handle: (message: Message) => Promise<Disposition>;
	/** Called each time messages begin to come: at the start, and when the subscription stands again after a loss. */
	readonly onSubscribed?: () => void;
	/** Called when the dispatcher stops and no further message can come: what takes long should be broken off and returned. */
	readonly onStop?: () => void;
}

/** How a message is settled, or the dependency without which that has to wait. */
type Result = Settlement | {readonly missing: Dependency};

/**
 * Works one queue. The only place that acks, retries, holds and dead-letters; whatever it publishes is confirmed before the
 * original is acked.
 */
export class Dispatcher {
	readonly #context: DispatcherContext;
	readonly #options: DispatcherOptions;
	/** The present or the last one of each dependency. */
	readonly #outages = new Map<Dependency, Outage>();
	#consuming: Promise<Consumer> | undefined;
	/** Settles when nothing more comes during the present outage. */
	#pausing: Promise<void> | undefined;
	#stopping = false;

	constructor(context: DispatcherContext, options: DispatcherOptions) {
		this.#context = context;
		this.#options = options;
	}

	async start(): Promise<void> {
		const {queue, prefetch, onSubscribed} = this.#options;
		const options = {prefetch, ...(onSubscribed !== undefined && {onRestored: onSubscribed})};
		this.#consuming = this.#context.broker.consume(queue, options, (message) => this.#settle(message));
		await this.#consuming;
		onSubscribed?.();
	}

	/** Takes nothing more and resolves when what is in hand is settled; what waits for an outage is left to the broker. */
	async stop(): Promise<void> {
		this.#stopping = true;
		const consumer = await this.#consuming;
		const closed = consumer?.close();
		for (const outage of this.#outages.values()) outage.callOff();
		// Not before the subscription is over: what is returned would be handed out to us again.
		await Promise.race([consumer?.pause(), closed]);
		this.#options.onStop?.();
		await closed;
	}

	/** A message that comes during an outage waits for its end, too: it must not overtake those that wait already. */
	async #settle(taken: Message): Promise<Settlement> {
		const {clock} = this.#context;
		let message = taken;
		let patienceEndsAtMs = clock.now() + HOLD_PATIENCE_MS;
		for (;;) {
			const away = this.#missing();
			const result = away === undefined ? await this.#process(message) : {missing: away};
			if (typeof result === 'string') {
				return result;
			}
			if (this.#stopping) {
				return 'requeue';
			}
			// Perhaps half of it is done, and while it waits here somebody else may do the rest.
			if (away === undefined) message = {...message, redelivered: true};
			const outage = this.#hold(result.missing);
			if (this.#options.queue.kind === 'volatile') {
				// Another process may be able to handle it, and what nobody handles in time the queue itself drops.
				await this.#pausing;
				return 'requeue';
			}
			const end = await outage.wait(patienceEndsAtMs - clock.now());
			if (end === 'called-off') {
				return 'requeue';
			}
			if (end === 'patience-exhausted') {
				if (await this.#handBack(message)) return 'ack';
				patienceEndsAtMs = clock.now() + HOLD_PATIENCE_MS;
			}
		}
	}

	/** A dependency that is known to be away. */
	#missing(): Dependency | undefined {
		for (const [dependency, outage] of this.#outages) {
			if (!outage.isOver) return dependency;
		}
		return undefined;
	}

	/** Handles the message and carries out the disposition; all that is left to the caller is to settle it or to wait. */
	async #process(message: Message): Promise<Result> {
		const {clock, log, publisher} = this.#context;
		const {queue} = this.#options;
		try {
			if (kindOf(message) === 'probe') {
				await publisher.answerProbe(message);
				return 'ack';
			}
			if (!isDue(message, clock.now())) {
				await this.#postpone(message, dueAtMsOf(message));
				return 'ack';
			}
			return await this.#handle(message);
		} catch (error) {
			// Anything else is a fault of ours: the broker returns the message, and dead-letters it if it happens each time.
			if (!(error instanceof BrokerUnavailableError)) throw error;
			log.warn({queue: queue.name, messageId: message.id, error}, 'message.publish.failed');
			return {missing: 'broker'};
		}
	}

	/** Only a throw is a failure: a handler that asks for a wait may do so as often as it likes. */
	async #handle(message: Message): Promise<Result> {
		const {queue, handle} = this.#options;
		let disposition: Disposition;
		let failures = failuresOf(message);
		try {
			disposition = await handle(asPlanned(message));
		} catch (error) {
			disposition = dispositionOf(error, failures++);
			const {log} = this.#context;
			log.warn({queue: queue.name, messageId: message.id, disposition: disposition.kind, error}, 'message.failed');
		}
		const headers = failures > 0 ? {...message.headers, [FAILURES_HEADER]: failures} : message.headers;
		return this.#carryOut({...message, headers}, disposition);
	}

	async #carryOut(message: Message, disposition: Disposition): Promise<Result> {
		const {clock} = this.#context;
		switch (disposition.kind) {
			case 'ack':
				return 'ack';
			case 'return':
				return 'requeue';
			case 'hold':
				return {missing: disposition.dependency};
			case 'retry':
				await this.#postpone(putOff(message), clock.now() + disposition.delayMs);
				return 'ack';
			case 'dead-letter':
				await this.#bury(message, disposition.reason);
				return 'ack';
		}
	}

	/** What only concerned its way here stays behind. */
	async #bury(message: Message, reason: string): Promise<void> {
		const {publisher, clock, log} = this.#context;
		const {queue} = this.#options;
		log.error({queue: queue.name, messageId: message.id, reason}, 'message.dead');
		if (queue.kind === 'dead') {
			await this.#postpone(putOff(message), clock.now() + DEAD_LETTER_RETRY_MS);
			return;
		}
		const {[FAILURES_HEADER]: _failures, dueAt: _dueAt, ...headers} = asPlanned(message).headers;
		await publisher.dead({...message, headers}, queue, reason);
	}

	#postpone(message: Message, dueAtMs: number): Promise<void> {
		const headers = {...message.headers, ...originOf(message)};
		return this.#context.publisher.later(this.#options.queue, {...message, headers}, dueAtMs);
	}

	/** Stops consuming until the dependency answers again. */
	#hold(dependency: Dependency): Outage {
		const previous = this.#outages.get(dependency);
		if (previous?.isOver === false) {
			return previous;
		}
		const {clock, log, healthChecks} = this.#context;
		const check = healthChecks.find((candidate) => candidate.dependency === dependency);
		if (check === undefined) {
			throw new Error(`no health check for ${dependency}`);
		}
		const outage = new Outage({check, clock, log, previous});
		this.#outages.set(dependency, outage);
		log.warn({queue: this.#options.queue.name, dependency}, 'dispatcher.hold');
		void this.#pauseDuring(outage);
		return outage;
	}

	async #pauseDuring(outage: Outage): Promise<void> {
		this.#pausing = this.#pause();
		await this.#pausing;
		await outage.end;
		// Those that wait begin first: what is taken from now on must not overtake them.
		this.#context.clock.after(0, () => void this.#resume());
	}

	/** Whoever works a partition keeps it: another process would wait with what comes after that which waits here, and go on first. */
	async #pause(): Promise<void> {
		const {queue} = this.#options;
		if (queue.kind === 'work' && queue.singleActiveConsumer) return;
		const consumer = await this.#consuming;
		await consumer?.pause();
	}

	async #resume(): Promise<void> {
		const consumer = await this.#consuming;
		if (this.#missing() === undefined && !this.#stopping) {
			this.#context.log.info({queue: this.#options.queue.name}, 'dispatcher.resume');
			await consumer?.resume();
		}
	}

	/** Gives a message back to the broker, to come again in a while, or when it is due. False when the broker did not take it. */
	async #handBack(message: Message): Promise<boolean> {
		const {clock, log} = this.#context;
		try {
			await this.#postpone(putOff(message), Math.max(clock.now() + HAND_BACK_DELAY_MS, dueAtMsOf(message)));
			return true;
		} catch (error) {
			log.warn({queue: this.#options.queue.name, messageId: message.id, error}, 'message.handBack.failed');
			return false;
		}
	}
}

function failuresOf(message: Message): number {
	const failures = message.headers[FAILURES_HEADER];
	return typeof failures === 'number' ? failures : 0;
}

/** A message that is published anew loses what the broker knew of its death. */
function originOf({death, headers}: Message): MessageHeaders {
	return death === undefined || 'deadFrom' in headers ? {} : {deadFrom: death.queue, deadReason: death.reason};
}
