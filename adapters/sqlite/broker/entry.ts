import type {Message, OutgoingMessage} from '../../../domain/ports/broker.ts';
import type {QueueConsumer} from './queue-consumer.ts';

/** A message as it was published. */
export type Content = OutgoingMessage & Pick<Message, 'replyTo'>;

export type Death = NonNullable<Message['death']>;

/** Where an entry is, and whose. */
export interface EntryPlace {
	readonly position: number;
	readonly contentId: number;
}

/** One message in one durable queue: the row of the same name, and what is known of it in memory. */
export interface Entry extends EntryPlace {
	/** The dead-letter exchange that brought it here; undefined when it is where it was published to. */
	readonly exchange: string | undefined;
	readonly death: Death | undefined;
	/** When it leaves a wait queue, milliseconds since the epoch. */
	dueAtMs: number | undefined;
	/** Hand-outs that are on disk. A message may be handed out only when this is more than `returned`. */
	recorded: number;
	/** How often it came back: by a requeue, or because the process ended. */
	returned: number;
	/** The content, while it is fresh and fits the memory budget; else it is read when the message is handed out. */
	content: Content | undefined;
	/** Who has a free place for it. */
	consumer: QueueConsumer | undefined;
}

/** What a consumer gets to see. */
export function toMessage(content: Content, entry: Pick<Entry, 'returned' | 'exchange' | 'death'>): Message {
	return {
		...content,
		exchange: entry.exchange ?? content.exchange,
		redelivered: entry.returned > 0,
		...(entry.death !== undefined && {death: entry.death}),
	};
}
