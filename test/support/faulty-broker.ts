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
import type {HealthCheck} from '../../domain/ports/health-check.ts';

/** A broker that can be taken away from those who publish, and its health. */
export class FaultyBroker implements Broker, HealthCheck {
	readonly dependency = 'broker';
	/** `away` refuses at once; `silent` takes messages and never confirms; `unconfirming` passes them on and refuses all the same. */
	mode: 'working' | 'away' | 'silent' | 'unconfirming' = 'working';
	/** Awaited before a message that was passed on is refused. */
	beforeRefusal: () => Promise<void> = () => Promise.resolve();
	/** While true, whoever waits for a reply gets none. */
	losesReplies = false;
	/** What got through. */
	readonly published: OutgoingMessage[] = [];
	/** The ids of what its consumers are done with. */
	readonly acked: string[] = [];
	readonly #broker: Broker;

	constructor(broker: Broker) {
		this.#broker = broker;
	}

	async publish(message: OutgoingMessage): Promise<void> {
		await this.#gate();
		await this.#broker.publish(message);
		this.published.push(message);
		await this.#refuse();
	}

	consume(
		queue: QueueDeclaration,
		options: ConsumeOptions,
		handle: (message: Message) => Promise<Settlement>,
	): Promise<Consumer> {
		return this.#broker.consume(queue, options, async (message) => {
			const settlement = await handle(message);
			if (settlement === 'ack') this.acked.push(message.id);
			return settlement;
		});
	}

	async request(message: OutgoingMessage, timeoutMs: number): Promise<Buffer | undefined> {
		await this.#gate();
		if (this.mode === 'unconfirming') {
			await this.publish(message);
		}
		return this.#broker.request(message, timeoutMs);
	}

	reply(request: Message, body: Buffer): Promise<void> {
		return this.losesReplies ? Promise.resolve() : this.#broker.reply(request, body);
	}

	check(): Promise<void> {
		return this.mode === 'working' ? Promise.resolve() : Promise.reject(unavailable());
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#broker[Symbol.asyncDispose]();
	}

	async #refuse(): Promise<void> {
		if (this.mode === 'unconfirming') {
			await this.beforeRefusal();
			throw unavailable();
		}
	}

	async #gate(): Promise<void> {
		if (this.mode === 'away') {
			throw unavailable();
		}
		if (this.mode === 'silent') {
			await new Promise<never>(() => undefined);
		}
	}
}

function unavailable(): BrokerUnavailableError {
	return new BrokerUnavailableError('switched off by the test');
}
