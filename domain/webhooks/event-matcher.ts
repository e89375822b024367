import type {PreparedEvent} from '../events/envelope.ts';
import {subjectOf, type EventSubject} from '../events/event-subject.ts';
import {wantsEvent, type Webhook, type WebhookFilter} from './webhook.ts';

/**
 * Tells which webhooks want an event: by its name, and by what it is about where they have a filter. The event is read once at most,
 * however many ask.
 */
export class EventMatcher {
	readonly #event: Pick<PreparedEvent, 'event' | 'body'>;
	#subject: EventSubject | undefined;

	constructor(event: Pick<PreparedEvent, 'event' | 'body'>) {
		this.#event = event;
	}

	/** An event that is about no chat, or about no message, passes what filters by that. */
	isWantedBy({events, filter}: Pick<Webhook, 'events' | 'filter'>): boolean {
		return wantsEvent(events, this.#event.event) && (filter === null || this.#passes(filter));
	}

	#passes({chats, fromMe}: WebhookFilter): boolean {
		this.#subject ??= subjectOf((JSON.parse(this.#event.body.toString()) as {payload?: unknown}).payload);
		const subject = this.#subject;
		return (
			(chats === undefined || subject.chatId === undefined || chats.includes(subject.chatId)) &&
			(fromMe === undefined || subject.fromMe === undefined || subject.fromMe === fromMe)
		);
	}
}
