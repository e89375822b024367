import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {FileShelf} from './files/file-shelf.ts';
import type {Change} from './noweb/changes.ts';
import type {MessageView} from './noweb/message.ts';
import {accountOf} from './people.ts';
import {toHex, type Seed} from './seed.ts';
import type {AckDelays} from './sent-messages.ts';
import type {SessionStorage} from './session-storage.ts';
import type {StoredMessage} from './stored-message.ts';

/** How many chats count as known; the oldest are forgotten first. */
const MAX_CHATS = 1000;

/** What conversations need of the session that they belong to. */
export interface ConversationHost {
	readonly session: string;
	readonly storage: SessionStorage;
	readonly files: FileShelf;
	/** Names and numbers of contacts come from it. */
	readonly seed: Seed;
	/** Message keys are drawn from it. */
	readonly keys: Seed;
	readonly clock: Clock;
	readonly log: Logger;
	readonly ackDelays: AckDelays;
	/** Contacts who answer a text with the same text, once they have read it. */
	readonly echo: ReadonlySet<string>;
	/** Reports one happening under one or several event names. Resolves once it is confirmed; never rejects. */
	readonly report: (events: readonly string[], payload: object) => Promise<void>;
	readonly restrict: (untilMs: number) => void;
}

/** Adds to what the phone remembers. */
export function remember({storage}: ConversationHost, message: StoredMessage): void {
	storage.history.add(message);
	storage.historyWriter.saveLater();
}

/** From now on the account and this chat know each other: a restriction does not concern it. */
export function noteChat({storage}: ConversationHost, chatId: string): void {
	const {chats} = storage.state;
	if (!chats.includes(chatId)) {
		chats.push(chatId);
		chats.splice(0, chats.length - MAX_CHATS);
		storage.stateWriter.saveLater();
	}
}

/** How a message is shown to tenants. @param mediaUrl where its file is */
export function viewOf(
	{seed, storage}: ConversationHost,
	{quotedKey}: StoredMessage,
	mediaUrl: string | null,
): MessageView {
	return {
		seed,
		me: accountOf(seed),
		quoted: quotedKey === null ? undefined : storage.history.find(quotedKey),
		mediaUrl,
	};
}

/** Who writes our own messages in this chat; null where the id does not say. */
export function ownParticipant({seed}: ConversationHost, chatId: string): string | null {
	return chatId.endsWith('@g.us') ? accountOf(seed).id : null;
}

/** Resolves once the change is confirmed; never rejects. */
export function reportChange({report}: ConversationHost, change: Change | undefined): Promise<void> {
	return change === undefined ? Promise.resolve() : report([change.event], change.payload);
}

/** A new key as phones make them, `3A` and 18 hex digits. */
export function newPhoneKey({keys}: ConversationHost): string {
	return `3A${toHex(keys.next(), 18)}`;
}

/** A new key as companion devices make them, `3EB0` and 16 hex digits. */
export function newDeviceKey({keys}: ConversationHost): string {
	return `3EB0${toHex(keys.next(), 16)}`;
}

/** Unix seconds of a moment in milliseconds. */
export function toSeconds(ms: number): number {
	return Math.floor(ms / 1000);
}
