import type {PreparedEvent} from '../events/envelope.ts';
import {subjectOf, type EventSubject} from '../events/event-subject.ts';
import {isOrderedFor} from './ordering.ts';
import {wantsEvent, type Webhook, type WebhookFilter} from './webhook.ts';

/**
 * Tells which webhooks want an event: by its name, and by what it is about where they have a filter. The event is read once at most,
 * however many ask.
 */
export class EventMatcher {
	readonly #event: Pick<PreparedEvent, 'event' | 'receivedAtMs' | 'body'>;
	#subject: EventSubject | undefined;

	constructor(event: Pick<PreparedEvent, 'event' | 'receivedAtMs' | 'body'>) {
		this.#event = event;
	}

	/** An event that is about no chat, or about no message, passes what filters by that. */
	isWantedBy({events, filter}: Pick<Webhook, 'events' | 'filter'>): boolean {
		return wantsEvent(events, this.#event.event) && (filter === null || this.#passes(filter));
	}

	/**
	 * The chat whose order this webhook wants to be kept for the event; undefined = any order will do. What says so is the log dispatcher's
	 * to deliver, everything else the webhook dispatcher's: both ask here, and get the same answer.
	 */
	orderedChatFor(webhook: Pick<Webhook, 'orderSwitchesMs'>): string | undefined {
		return isOrderedFor(webhook, this.#event) ? this.#about.chatId : undefined;
	}

	get #about(): EventSubject {
		this.#subject ??= subjectOf((JSON.parse(this.#event.body.toString()) as {payload?: unknown}).payload);
		return this.#subject;
	}

	#passes({chats, fromMe}: WebhookFilter): boolean {
		const subject = this.#about;
		return (
			(chats === undefined || subject.chatId === undefined || chats.includes(subject.chatId)) &&
			(fromMe === undefined || subject.fromMe === undefined || subject.fromMe === fromMe)
		);
	}
}
