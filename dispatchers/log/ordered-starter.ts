import type {OrderedTask} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {EventMatcher} from '../../domain/webhooks/event-matcher.ts';
import {isOrderedFor} from '../../domain/webhooks/ordering.ts';
import type {SigningWebhook, WebhookDirectory} from '../../domain/webhooks/webhook-directory.ts';

/**
 * Starts the deliveries whose chats keep their order: here, since the order that counts is the log's. Events that no webhook wants in
 * order cost a look into the cache.
 */
export class OrderedStarter {
	readonly #directory: WebhookDirectory;
	readonly #publisher: Publisher;
	readonly #clock: Clock;

	constructor({directory, publisher, clock}: {directory: WebhookDirectory; publisher: Publisher; clock: Clock}) {
		this.#directory = directory;
		this.#publisher = publisher;
		this.#clock = clock;
	}

	/**
	 * Resolves when the broker has all deliveries of these events, in this order. What comes again is started again: whoever makes the
	 * attempts sees that.
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError}
	 */
	async start(events: readonly PreparedEvent[]): Promise<void> {
		const ofEach = await Promise.all(
			events.map(({userId, connectionId}) => this.#directory.listForEvent(userId, connectionId)),
		);
		const tasks = events.flatMap((event, index) => this.#toTasks(event, ofEach[index] ?? []));
		await Promise.all(tasks.map((task) => this.#publisher.ordered(task)));
	}

	/** A test event goes its own way. */
	#toTasks(event: PreparedEvent, webhooks: readonly SigningWebhook[]): readonly OrderedTask[] {
		const ordered = webhooks.filter((webhook) => isOrderedFor(webhook, event));
		if (ordered.length === 0 || event.onlyWebhookId !== undefined) {
			return [];
		}
		const matcher = new EventMatcher(event);
		return ordered.flatMap((webhook) => {
			const chatId = matcher.orderedChatFor(webhook);
			return chatId !== undefined && matcher.isWantedBy(webhook) ? [this.#toTask(event, webhook, chatId)] : [];
		});
	}

	/** Without the sources of its files, which were copied on another way. */
	#toTask(event: PreparedEvent, {id: webhookId}: SigningWebhook, chatId: string): OrderedTask {
		const firstAtMs = this.#clock.now();
		return {event: {...event, media: []}, webhookId, chatId, run: 1, attempt: 0, firstAtMs, parked: 0};
	}
}
