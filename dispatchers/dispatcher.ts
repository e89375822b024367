import type {Disposition} from '../domain/broker/disposition.ts';
import {isDue, type Publisher} from '../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../domain/broker/topology.ts';
import type {Broker, Consumer, Message, Settlement} from '../domain/ports/broker.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {Dependency, HealthCheck} from '../domain/ports/health-check.ts';
import type {Logger} from '../domain/ports/logger.ts';
import {dispositionOf} from './dispositions.ts';
import {Outage} from './outage.ts';

/** After this long in hand, messages go back to the broker: well under RabbitMQ's 30 minutes for an unacknowledged one. */
const HOLD_PATIENCE_MS = 10 * 60_000;

/** Handed-back messages come again after this. */
const HAND_BACK_DELAY_MS = 60_000;

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
}

/**
 * Works one queue. The only place that acks, retries, holds and dead-letters; whatever it publishes is confirmed before the
 * original is acked.
 */
export class Dispatcher {
	readonly #context: DispatcherContext;
	readonly #options: DispatcherOptions;
	readonly #outages = new Map<Dependency, Outage>();
	#consumer: Consumer | undefined;
	#stopping = false;

	constructor(context: DispatcherContext, options: DispatcherOptions) {
		this.#context = context;
		this.#options = options;
	}

	async start(): Promise<void> {
		const {queue, prefetch} = this.#options;
		this.#consumer = await this.#context.broker.consume(queue, {prefetch}, (message) => this.#settle(message));
	}

	/** Takes nothing more and resolves when what is in hand is settled; what waits for an outage is left to the broker. */
	async stop(): Promise<void> {
		this.#stopping = true;
		for (const outage of this.#outages.values()) outage.stop();
		await this.#consumer?.close();
	}

	async #settle(message: Message): Promise<Settlement> {
		for (;;) {
			const disposition = await this.#decide(message);
			if (disposition.kind !== 'hold') {
				return 'ack';
			}
			if (this.#stopping) {
				return 'requeue';
			}
			const end = await this.#hold(disposition.dependency);
			if (end === 'patience-exhausted' && (await this.#handBack(message))) {
				return 'ack';
			}
		}
	}

	/** Handles the message and carries out the disposition; all that is left to the caller is to ack or to hold. */
	async #decide(message: Message): Promise<Disposition> {
		const {publisher, clock, log} = this.#context;
		const {queue} = this.#options;
		try {
			if (!isDue(message, clock.now())) {
				await publisher.later(queue, message, Number(message.headers['dueAt']));
				return {kind: 'ack'};
			}
			const disposition = await this.#handle(message);
			if (disposition.kind === 'retry') {
				const headers = {...message.headers, [FAILURES_HEADER]: failuresOf(message) + 1};
				await publisher.later(queue, {...message, headers}, clock.now() + disposition.delayMs);
			} else if (disposition.kind === 'dead-letter') {
				log.error({queue: queue.name, messageId: message.id, reason: disposition.reason}, 'message.dead');
				await publisher.dead(message, queue, disposition.reason);
			}
			return disposition;
		} catch (error) {
			log.warn({queue: queue.name, messageId: message.id, error}, 'message.publish.failed');
			return {kind: 'hold', dependency: 'broker'};
		}
	}

	async #handle(message: Message): Promise<Disposition> {
		try {
			return await this.#options.handle(message);
		} catch (error) {
			const disposition = dispositionOf(error, failuresOf(message));
			const {log} = this.#context;
			log.warn(
				{queue: this.#options.queue.name, messageId: message.id, disposition: disposition.kind, error},
				'message.failed',
			);
			return disposition;
		}
	}

	/** Stops consuming until the dependency answers again. */
	async #hold(dependency: Dependency): Promise<'over' | 'patience-exhausted'> {
		const existing = this.#outages.get(dependency);
		if (existing !== undefined) {
			return existing.wait(HOLD_PATIENCE_MS);
		}
		const {clock, log, healthChecks} = this.#context;
		const check = healthChecks.find((candidate) => candidate.dependency === dependency);
		if (check === undefined) {
			throw new Error(`no health check for ${dependency}`);
		}
		const outage = new Outage({check, clock, log});
		this.#outages.set(dependency, outage);
		log.warn({queue: this.#options.queue.name, dependency}, 'dispatcher.hold');
		void this.#resumeAfter(outage, dependency);
		return outage.wait(HOLD_PATIENCE_MS);
	}

	async #resumeAfter(outage: Outage, dependency: Dependency): Promise<void> {
		await this.#consumer?.pause();
		while ((await outage.wait(HOLD_PATIENCE_MS)) !== 'over');
		this.#outages.delete(dependency);
		if (this.#outages.size === 0 && !this.#stopping) {
			this.#context.log.info({queue: this.#options.queue.name, dependency}, 'dispatcher.resume');
			await this.#consumer?.resume();
		}
	}

	/** Gives a message back to the broker, to come again in a while. False when the broker did not take it. */
	async #handBack(message: Message): Promise<boolean> {
		const {publisher, clock, log} = this.#context;
		try {
			await publisher.later(this.#options.queue, message, clock.now() + HAND_BACK_DELAY_MS);
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
