import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {DeadLetterStore} from '../../domain/ports/dead-letter-store.ts';

/** Keeps what nobody could handle, with where it came from and why. */
export class DeadLetterHandler {
	readonly #store: DeadLetterStore;
	readonly #clock: Clock;

	constructor({store, clock}: {store: DeadLetterStore; clock: Clock}) {
		this.#store = store;
		this.#clock = clock;
	}

	/** @throws {StoreUnavailableError} */
	async handle(message: Message): Promise<Disposition> {
		const {deadFrom, deadReason, ...headers} = message.headers;
		const queue = deadFrom ?? message.death?.queue ?? 'unknown';
		await this.#store.insert({
			id: `${message.id}@${queue}`,
			queue: String(queue),
			reason: String(deadReason ?? message.death?.reason ?? 'unknown'),
			headers,
			body: message.body.toString(),
			at: new Date(this.#clock.now()),
		});
		return ACK;
	}
}
