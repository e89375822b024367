import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {digest} from '../../domain/hashing.ts';
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
		const {deadFrom, deadReason, dueAt: _dueAt, ...headers} = message.headers;
		const queue = deadFrom ?? message.death?.queue ?? 'unknown';
		// What others publish may have no id.
		const id = message.id === '' ? digest(message.body.toString()).toString('hex') : message.id;
		await this.#store.insert({
			id: `${id}@${queue}`,
			queue: String(queue),
			reason: String(deadReason ?? message.death?.reason ?? 'unknown'),
			headers,
			body: message.body.toString(),
			at: new Date(this.#clock.now()),
		});
		return ACK;
	}
}
