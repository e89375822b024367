import type {Channel} from 'amqplib';
import type {Message, OutgoingMessage} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {ConfirmPublisher, type ConfirmPublisherOptions} from './confirm-publisher.ts';
import {readReplyAddress} from './reply-address.ts';

/** RabbitMQ's pseudo queue: answers come straight to the channel that consumes it, and nothing is declared. */
const REPLY_QUEUE = 'amq.rabbitmq.reply-to';

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

	/** As `Broker.reply`. */
	reply({replyTo}: Message, body: Buffer): void {
		if (replyTo === undefined) return;
		const {queue, correlationId} = readReplyAddress(replyTo);
		this.#publisher.tell(queue, body, {correlationId});
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
