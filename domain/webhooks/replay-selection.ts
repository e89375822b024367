import {TEST_EVENT, WEBHOOK_DISABLED_EVENT} from '../events/vocabulary.ts';
import type {Job, ReplayedRun, ReplayStatus} from '../jobs/job.ts';
import type {DeliveryStore} from '../ports/delivery-store.ts';
import type {EventMark, EventStore, LoggedEvent} from '../ports/event-store.ts';
import {deliveryId, isFinal, type Delivery} from './delivery.ts';
import {EventMatcher} from './event-matcher.ts';
import {wantsEvent, type Webhook} from './webhook.ts';

/** Whose bodies are in memory at once. */
const CHUNK_EVENTS = 25;

/** Decides which events of a range a replay sends once more, by the webhook and the deliveries as they are now. */
export class ReplaySelection {
	readonly #events: EventStore;
	readonly #deliveries: DeliveryStore;

	constructor({events, deliveries}: {events: EventStore; deliveries: DeliveryStore}) {
		this.#events = events;
		this.#deliveries = deliveries;
	}

	/** The runs that are to be started for these events, in their order. @throws {StoreUnavailableError} */
	async of(
		marks: readonly EventMark[],
		{status, events}: Pick<Job, 'status' | 'events'>,
		webhook: Webhook,
	): Promise<readonly ReplayedRun[]> {
		const isAsked = (event: string): boolean =>
			event !== TEST_EVENT &&
			(events === null || wantsEvent(events, event)) &&
			// What failed was wanted once, and goes out again whatever the webhook wants and filters now.
			(status === 'failed' || wantsEvent(webhook.events, event));
		const asked = marks.filter(({event}) => isAsked(event));
		const ids = new Map(asked.map((mark) => [mark.id, deliveryId(mark.id, webhook.id)]));
		const rows = await this.#deliveries.findMany([...ids.values()]);
		const byId = new Map(rows.map((row) => [row.id, row]));
		const found = asked
			.map((mark) => ({mark, row: byId.get(ids.get(mark.id) ?? '')}))
			.filter(({row}) => ASKS_FOR[status](row));
		const wanted =
			status === 'failed'
				? undefined
				: await this.#wantedOf(
						found.map(({mark}) => mark),
						webhook,
					);
		return found
			.filter(({mark}) => wanted?.has(mark.id) ?? true)
			.map(({mark, row}) => ({eventId: mark.id, run: (row?.run ?? 0) + 1}));
	}

	/** The ids of those that are the webhook's by their connection and, where that matters, by what they say. */
	async #wantedOf(marks: readonly EventMark[], webhook: Webhook): Promise<ReadonlySet<string>> {
		const isByBody = (mark: EventMark): boolean => webhook.filter !== null || isNotice(mark);
		const wanted = new Set(marks.filter((mark) => !isByBody(mark) && isOf(mark, webhook)).map(({id}) => id));
		const unread = marks.filter((mark) => isByBody(mark) && (isNotice(mark) || isOf(mark, webhook)));
		for (let start = 0; start < unread.length; start += CHUNK_EVENTS) {
			const events = await this.#events.findMany(unread.slice(start, start + CHUNK_EVENTS).map(({id}) => id));
			for (const event of events) {
				if (saysItIsFor(event, webhook)) wanted.add(event.id);
			}
		}
		return wanted;
	}
}

/** By what became of the delivery so far. */
const ASKS_FOR = {
	failed: (row) => row?.state === 'dead',
	missed: (row) => row === undefined || row.state === 'skipped',
	all: (row) => row === undefined || isFinal(row.state),
} as const satisfies Record<ReplayStatus, (row: Delivery | undefined) => boolean>;

function isOf({connectionId}: EventMark, webhook: Webhook): boolean {
	return webhook.connectionId === null || webhook.connectionId === connectionId;
}

function isNotice({event, connectionId}: Pick<EventMark, 'event' | 'connectionId'>): boolean {
	return event === WEBHOOK_DISABLED_EVENT && connectionId === null;
}

/** A notice that a webhook was switched off is for the account's and for the others of its connection, never for itself. */
function saysItIsFor(event: LoggedEvent, webhook: Webhook): boolean {
	const body = Buffer.from(event.body);
	if (isNotice(event)) {
		const {payload} = JSON.parse(event.body) as {payload: {webhookId?: unknown; connectionId?: unknown}};
		if (payload.webhookId === webhook.id) return false;
		if (webhook.connectionId !== null && payload.connectionId !== webhook.connectionId) return false;
	}
	return new EventMatcher({...event, body}).isWantedBy(webhook);
}
