import type {Ack} from './ack.ts';
import type {SimulatedContent} from './files/simulated-file.ts';

/** A message as the phone remembers it. */
export interface StoredMessage {
	/** WhatsApp's own key. */
	readonly key: string;
	readonly fromMe: boolean;
	readonly chatId: string;
	/** Who wrote it in a group; null elsewhere. */
	readonly participant: string | null;
	/** Unix seconds. */
	readonly timestamp: number;
	/** Null once it was deleted for everyone. */
	content: SimulatedContent | null;
	/** How far an own message has come; whether one of others was read. Null in channels, which tell nothing. */
	ack: Ack | null;
	/** The message that it quotes. */
	readonly quotedKey: string | null;
	/** Ids of the people whom it mentions. */
	readonly mentions: readonly string[];
	readonly isForwarded: boolean;
}

/** Text or caption; null for what has neither. */
export function bodyOf(content: SimulatedContent | null): string | null {
	switch (content?.kind) {
		case 'text':
			return content.text;
		case 'image':
		case 'video':
		case 'document':
			return content.caption === null || content.caption === '' ? null : content.caption;
		default:
			return null;
	}
}
