import {Batch} from '../../domain/batch.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import {ulidTimeMs} from '../../domain/hashing.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EventStore, NewLoggedEvent} from '../../domain/ports/event-store.ts';

/** Flushed at this many events, or this long after the first; whatever comes during a write makes the next one. */
const MAX_EVENTS = 500;
const MAX_DELAY_MS = 20;

/** Writes events to the log, in the order in which they came, many at once. */
export class EventHandler {
	readonly #batch: Batch<NewLoggedEvent>;

	constructor({events, clock}: {events: EventStore; clock: Clock}) {
		this.#batch = new Batch({
			maxItems: MAX_EVENTS,
			maxDelayMs: MAX_DELAY_MS,
			serial: true,
			clock,
			flush: (batch) => events.append(batch),
		});
	}

	/** @throws {StoreUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const {id, event, userId, connectionId, receivedAtMs, body} = decodeEvent(message);
		const timestampMs = ulidTimeMs(id.slice('evt_'.length));
		await this.#batch.add({id, event, userId, connectionId, timestampMs, receivedAtMs, body: body.toString()});
		return ACK;
	}
}
