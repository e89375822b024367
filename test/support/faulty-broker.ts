import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import type {
	Broker,
	ConsumeOptions,
	Consumer,
	Message,
	OutgoingMessage,
	Settlement,
} from '../../domain/ports/broker.ts';

/** A broker that can be taken away from those who publish. */
export class FaultyBroker implements Broker {
	/** `away` refuses at once; `silent` takes messages and never confirms. */
	mode: 'working' | 'away' | 'silent' = 'working';
	/** What got through. */
	readonly published: OutgoingMessage[] = [];
	readonly #broker: Broker;

	constructor(broker: Broker) {
		this.#broker = broker;
	}

	async publish(message: OutgoingMessage): Promise<void> {
		await this.#gate();
		await this.#broker.publish(message);
		this.published.push(message);
	}

	consume(
		queue: QueueDeclaration,
		options: ConsumeOptions,
		handle: (message: Message) => Promise<Settlement>,
	): Promise<Consumer> {
		return this.#broker.consume(queue, options, handle);
	}

	async request(message: OutgoingMessage, timeoutMs: number): Promise<Buffer | undefined> {
		await this.#gate();
		return this.#broker.request(message, timeoutMs);
	}

	reply(request: Message, body: Buffer): Promise<void> {
		return this.#broker.reply(request, body);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#broker[Symbol.asyncDispose]();
	}

	async #gate(): Promise<void> {
		if (this.mode === 'away') {
			throw new BrokerUnavailableError('switched off by the test');
		}
		if (this.mode === 'silent') {
			await new Promise<never>(() => undefined);
		}
	}
}
