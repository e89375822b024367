import {Batch} from '../../domain/batch.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import {eventTimeMs, type PreparedEvent} from '../../domain/events/envelope.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EventStore, NewLoggedEvent} from '../../domain/ports/event-store.ts';
import type {OrderedStarter} from './ordered-starter.ts';

/** Flushed at this many events, or this long after the first; whatever comes during a write makes the next one. */
const MAX_EVENTS = 500;
const MAX_DELAY_MS = 20;

/** Writes events to the log, in the order in which they came, many at once, and starts the deliveries that keep this order. */
export class EventHandler {
	readonly #batch: Batch<PreparedEvent>;

	constructor({events, starter, clock}: {events: EventStore; starter: OrderedStarter; clock: Clock}) {
		this.#batch = new Batch({
			maxItems: MAX_EVENTS,
			maxDelayMs: MAX_DELAY_MS,
			serial: true,
			clock,
			flush: async (batch) => {
				await events.append(batch.map(toLogged));
				await starter.start(batch);
			},
		});
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		await this.#batch.add(decodeEvent(message));
		return ACK;
	}
}

function toLogged({id, event, userId, connectionId, receivedAtMs, body}: PreparedEvent): NewLoggedEvent {
	return {id, event, userId, connectionId, timestampMs: eventTimeMs(id), receivedAtMs, body: body.toString()};
}
