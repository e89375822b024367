import type {Publisher} from '../broker/publisher.ts';
import type {PreparedEvent} from '../events/envelope.ts';
import {prepareUserEvent} from '../events/user-event.ts';
import {digest} from '../hashing.ts';
import type {Logger} from '../ports/logger.ts';
import type {Entitlement} from './entitlement.ts';
import type {Entitlements} from './entitlements.ts';
import type {Notice} from './notice.ts';

/** Tells users what changed of their accounts. A notice stays in the entitlement until the broker holds it: none is lost, though it may come twice. */
export class Notices {
	readonly #entitlements: Entitlements;
	readonly #publisher: Pick<Publisher, 'event'>;
	readonly #log: Logger;

	constructor(options: {entitlements: Entitlements; publisher: Pick<Publisher, 'event'>; log: Logger}) {
		this.#entitlements = options.entitlements;
		this.#publisher = options.publisher;
		this.#log = options.log;
	}

	/** Publishes what is still to be told. @throws {BrokerUnavailableError} it is told later */
	async publish({id: userId, notices}: Entitlement): Promise<void> {
		if (notices.length === 0) {
			return;
		}
		const events = notices.map((notice) => toEvent(userId, notice));
		for (const event of events) {
			await this.#publisher.event(event);
			this.#log.info({userId, event: event.event, eventId: event.id}, 'billing.told');
		}
		const told = new Set(events.map(({id}) => id));
		await this.#entitlements.change(userId, (current) => {
			const untold = current.notices.filter((notice) => !told.has(toEvent(userId, notice).id));
			return untold.length < current.notices.length ? {...current, notices: untold} : undefined;
		});
	}
}

/** The same notice is the same event, however often it is published. */
function toEvent(userId: string, {event, atMs, payload}: Notice): PreparedEvent {
	return prepareUserEvent({
		event,
		userId,
		key: {timeMs: atMs, hash: digest(userId, event, JSON.stringify(payload))},
		timestamp: new Date(atMs),
		payload,
	});
}
