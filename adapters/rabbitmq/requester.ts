import {setTimeout as sleep} from 'node:timers/promises';
import type {Channel} from 'amqplib';
import type {Message, OutgoingMessage} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {ConfirmPublisher, type ConfirmPublisherOptions} from './confirm-publisher.ts';
import {readReplyAddress} from './reply-address.ts';
import {withinTimeout} from './within-timeout.ts';

/** RabbitMQ's pseudo queue: answers come straight to the channel that consumes it, and nothing is declared. */
const REPLY_QUEUE = 'amq.rabbitmq.reply-to';

/** The longest pause between two tries to connect, and time to declare the topology. */
const REPLY_DEADLINE_MS = 10_000;
/** Between two tries to answer: a lost connection is noticed a little later than it is lost. */
const REPLY_PAUSE_MS = 100;

/** A caller that waits for an answer. */
interface Asker {
	readonly answer: (body: Buffer | undefined) => void;
	/** True once the broker has the request. */
	queued: boolean;
}

/** Requests and their answers (direct reply-to): a channel of its own, since both must happen on the same one. */
export class Requester {
	readonly #publisher: ConfirmPublisher;
	readonly #clock: Clock;
	readonly #askers = new Map<string, Asker>();
	#count = 0;

	constructor(options: Omit<ConfirmPublisherOptions, 'prepare'>) {
		this.#clock = options.clock;
		this.#publisher = new ConfirmPublisher({...options, prepare: (channel) => this.#listen(channel)});
	}

	/** Resolves when requests can be made. */
	whenOpen(): Promise<void> {
		return this.#publisher.whenOpen();
	}

	/** As `Broker.request`. Resolves to undefined at once when the channel is lost, and the answer with it. */
	async request(message: OutgoingMessage, timeoutMs: number): Promise<Buffer | undefined> {
		const correlationId = String(++this.#count);
		const {promise: answered, resolve: answer} = Promise.withResolvers<Buffer | undefined>();
		const asker: Asker = {answer, queued: false};
		this.#askers.set(correlationId, asker);
		using _timer = this.#clock.after(timeoutMs, () => {
			answer(undefined);
		});
		try {
			await this.#publisher.publish(message, {replyTo: REPLY_QUEUE, correlationId});
			asker.queued = true;
			return await answered;
		} finally {
			this.#askers.delete(correlationId);
		}
	}

	/** As `Broker.reply`. After an outage the asker may be back before we are: repeats itself until confirmed, but not for ever. */
	async reply({replyTo}: Message, body: Buffer): Promise<void> {
		if (replyTo === undefined) return;
		const {queue, correlationId} = readReplyAddress(replyTo);
		const deadlineMs = performance.now() + REPLY_DEADLINE_MS;
		for (let leftMs = REPLY_DEADLINE_MS; leftMs > 0; leftMs = deadlineMs - performance.now()) {
			await withinTimeout(this.#publisher.whenOpen(), leftMs);
			if (await this.#publisher.tell(queue, body, {correlationId})) return;
			await sleep(REPLY_PAUSE_MS);
		}
	}

	close(): Promise<void> {
		return this.#publisher.close();
	}

	async #listen(channel: Channel): Promise<void> {
		channel.once('close', () => {
			for (const {queued, answer} of this.#askers.values()) {
				if (queued) answer(undefined);
			}
		});
		const onReply = (reply: {content: Buffer; properties: {correlationId?: unknown}} | null): void => {
			this.#askers.get(String(reply?.properties.correlationId))?.answer(reply?.content);
		};
		await channel.consume(REPLY_QUEUE, onReply, {noAck: true});
	}
}
