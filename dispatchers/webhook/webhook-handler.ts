import {ACK, RETURN, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeDelivery, decodeEvent, kindOf, type DeliveryTask} from '../../domain/broker/messages.ts';
import {dueAtMsOf, type Publisher} from '../../domain/broker/publisher.ts';
import {eventTimeMs, type PreparedEvent} from '../../domain/events/envelope.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {deliveryId, isOvertaken, type Outcome} from '../../domain/webhooks/delivery.ts';
import {EventMatcher} from '../../domain/webhooks/event-matcher.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';
import type {Priority} from './admission.ts';
import type {DeliveryLookup} from './delivery-lookup.ts';
import type {DeliveryReports} from './delivery-reports.ts';
import type {Lanes} from './lanes.ts';
import {RecentOutcomes} from './recent-outcomes.ts';
import type {SlowStarts} from './slow-starts.ts';
import {isStep, type Turn} from './turn.ts';
import type {Turns} from './turns.ts';

/**
 * An event that was received so long after its time may be one that its engine tells again: the gateway had it, but ended before it said
 * so. WAHA's first repeat comes after 4 s, with the event's time as it was. However long an event lay in the broker makes no difference.
 */
const TOLD_AGAIN_AFTER_MS = 3000;

/**
 * Brings events to webhooks. An event is done when each of its deliveries has a durable next state; a waiting delivery comes
 * back as a message of its own.
 */
export class WebhookHandler {
	readonly #directory: WebhookDirectory;
	readonly #deliveries: DeliveryLookup;
	readonly #turns: Turns;
	readonly #lanes: Lanes;
	readonly #reports: DeliveryReports;
	readonly #starts: SlowStarts;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #recent = new RecentOutcomes();
	readonly #stopping = new AbortController();

	constructor(options: {
		directory: WebhookDirectory;
		deliveries: DeliveryLookup;
		turns: Turns;
		lanes: Lanes;
		reports: DeliveryReports;
		starts: SlowStarts;
		publisher: Publisher;
		clock: Clock;
	}) {
		this.#directory = options.directory;
		this.#deliveries = options.deliveries;
		this.#turns = options.turns;
		this.#lanes = options.lanes;
		this.#reports = options.reports;
		this.#starts = options.starts;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError} */
	handle(message: Message): Promise<Disposition> {
		return this.#lanes.hold(() =>
			kindOf(message) === 'delivery'
				? this.#continue({task: decodeDelivery(message), dueAtMs: dueAtMsOf(message)})
				: this.#begin(decodeEvent(message), message.redelivered),
		);
	}

	/** Begins nothing more: what waits for its place goes back to the broker. Attempts under way are finished. */
	stop(): void {
		this.#stopping.abort();
	}

	/** The first attempt of every delivery of an event, all at once. What comes again may be half done: then the rows are asked. */
	async #begin(event: PreparedEvent, isRedelivered: boolean): Promise<Disposition> {
		const first = {event, run: 1, attempt: 0, firstAtMs: this.#clock.now(), parked: 0};
		if (event.onlyWebhookId !== undefined) {
			const task = {...first, webhookId: event.onlyWebhookId};
			return this.#starts.during(task, () => this.#continue({task, dueAtMs: 0}));
		}
		const wanted = await this.#webhooksFor(event);
		const left = isRedelivered || isPerhapsToldAgain(event) ? await this.#notBegun(event, wanted) : wanted;
		const tasks = left.map((webhook): DeliveryTask => ({...first, webhookId: webhook.id}));
		const dispositions = await Promise.all(
			tasks.map((task, index) => this.#starts.during(task, () => this.#deliver({task, dueAtMs: 0}, left[index]))),
		);
		const returned = tasks.filter((_, index) => dispositions[index] === RETURN);
		if (returned.length > 0 && returned.length === tasks.length) {
			return RETURN;
		}
		await Promise.all(returned.map((task) => this.#leave(task)));
		return ACK;
	}

	/** But for those whose deliveries keep the order of a chat, which the log dispatcher starts. */
	async #webhooksFor(event: PreparedEvent): Promise<readonly SigningWebhook[]> {
		const {userId, connectionId, alsoConnectionId, exceptWebhookId} = event;
		const webhooks = await this.#directory.listForEvent(userId, connectionId ?? alsoConnectionId ?? null);
		const matcher = new EventMatcher(event);
		return webhooks.filter(
			(webhook) =>
				webhook.id !== exceptWebhookId && matcher.isWantedBy(webhook) && matcher.orderedChatFor(webhook) === undefined,
		);
	}

	/** The webhooks whose delivery has its first attempt before it. */
	async #notBegun(event: PreparedEvent, webhooks: readonly SigningWebhook[]): Promise<readonly SigningWebhook[]> {
		const rows = await this.#deliveries.find(...webhooks.map(({id}) => deliveryId(event.id, id)));
		const begun = rows.filter((row) => isOvertaken({run: 1, attempt: 0, dueAtMs: 0}, row));
		const done = new Set(begun.map(({webhookId}) => webhookId));
		return webhooks.filter(({id}) => !done.has(id));
	}

	/** With webhook and delivery as they are now, not as they were. */
	async #continue(turn: Turn): Promise<Disposition> {
		const [webhook, isOvertaken] = await Promise.all([
			this.#directory.find(turn.task.webhookId),
			this.#deliveries.isOvertaken(turn),
		]);
		return isOvertaken ? ACK : this.#deliver(turn, webhook);
	}

	/** Resolves when its next step is durable; or to be returned, when the process ends before there is one. */
	async #deliver(turn: Turn, webhook: SigningWebhook | undefined): Promise<Disposition> {
		const {task} = turn;
		const {signal} = this.#stopping;
		const end = await this.#recent.once(turn, {
			take: () => this.#turns.take(turn, webhook, {priority: priorityOf(task), signal}),
			publishNext: (outcome) => this.#publishNext(task, outcome),
		});
		if (isStep(end)) await this.#reports.add(end);
		return end === 'returned' ? RETURN : ACK;
	}

	/** What waits or is parked comes back as a message of its own. @throws {BrokerUnavailableError} */
	async #publishNext(task: DeliveryTask, {state, attempt, nextAttemptAtMs}: Outcome): Promise<void> {
		if (nextAttemptAtMs === undefined) return;
		const parked = state === 'parked' ? task.parked + 1 : 0;
		await this.#publisher.delivery({...task, attempt, parked}, nextAttemptAtMs);
	}

	/** The process ends, and the rest of its event is done: it goes on by itself, in another one. */
	async #leave(task: DeliveryTask): Promise<void> {
		const parked = this.#reports.toParked(task, this.#clock.now());
		await this.#publishNext(task, parked);
		await this.#reports.add(parked);
	}
}

/** What is made once more gives way to what is new, in its first run and in every further one. */
function priorityOf({run, isReplay}: DeliveryTask): Priority {
	return run > 1 || isReplay === true ? 'background' : 'live';
}

function isPerhapsToldAgain({id, receivedAtMs}: PreparedEvent): boolean {
	return receivedAtMs - eventTimeMs(id) > TOLD_AGAIN_AFTER_MS;
}
