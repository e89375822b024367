import {EngineError} from '../../domain/errors.ts';
import {EDITABLE_MS, REVOCABLE_MS} from '../../domain/messaging/change-windows.ts';
import {messageKeyOf} from '../../domain/messaging/message-id.ts';
import type {SendResult} from '../../domain/messaging/outbound.ts';
import type {MessageTarget} from '../../domain/ports/whatsapp-engine.ts';
import {newDeviceKey, ownParticipant, reportChange, toSeconds, type ConversationHost} from './conversation-host.ts';
import {editChange, reactionChange, revokeChange, type ChangeName} from './noweb/changes.ts';
import {messageId} from './noweb/message.ts';
import type {StoredMessage} from './stored-message.ts';

/** What the session does to messages that are there already. */
export class MessageChanges {
	readonly #host: ConversationHost;

	constructor(host: ConversationHost) {
		this.#host = host;
	}

	/** @param chatId default: any chat @throws {EngineError} MESSAGE_NOT_FOUND: not among those that the phone remembers */
	get(id: string, chatId?: string): StoredMessage {
		const message = this.#host.storage.history.find(messageKeyOf(id));
		if (message === undefined || (chatId !== undefined && message.chatId !== chatId)) {
			throw new EngineError('MESSAGE_NOT_FOUND', 'WhatsApp does not know this message (any more)');
		}
		return message;
	}

	/** The result names the edited message: further changes need that id. */
	edit(target: MessageTarget, text: string): SendResult {
		const message = this.#ownMessage(target, EDITABLE_MS);
		const {content} = message;
		if (content?.kind !== 'text') {
			throw notEditable('only texts can be edited');
		}
		if (text === '') {
			throw new EngineError('CONTENT_INVALID', 'text must not be empty');
		}
		message.content = {...content, text};
		const {clock, seed} = this.#host;
		const name = this.#changeIn(message.chatId);
		this.#note(editChange(name, {target: message, text, atMs: clock.now(), seed}));
		return {id: messageId(message), timestamp: name.timestamp};
	}

	/** Does nothing to a message that was deleted already. */
	revoke(target: MessageTarget): void {
		const message = this.#ownMessage(target, REVOCABLE_MS);
		if (message.content !== null) {
			message.content = null;
			this.#note(revokeChange(this.#changeIn(message.chatId), {target: message, seed: this.#host.seed}));
		}
	}

	/** @param reaction an emoji; empty takes it back */
	react(target: MessageTarget, reaction: string): void {
		const message = this.get(target.messageId, target.chatId);
		this.#note(reactionChange(this.#changeIn(message.chatId), messageId(message), reaction));
	}

	#ownMessage(target: MessageTarget, limitMs: number): StoredMessage {
		const message = this.get(target.messageId, target.chatId);
		if (!message.fromMe) {
			throw notEditable('only own messages can be changed');
		}
		if (this.#host.clock.now() - message.timestamp * 1000 > limitMs) {
			throw notEditable('it is too old');
		}
		return message;
	}

	#changeIn(chatId: string): ChangeName {
		return {
			key: newDeviceKey(this.#host),
			fromMe: true,
			chatId,
			participant: ownParticipant(this.#host, chatId),
			timestamp: toSeconds(this.#host.clock.now()),
		};
	}

	#note(change: Parameters<typeof reportChange>[1]): void {
		this.#host.storage.historyWriter.saveLater();
		void reportChange(this.#host, change);
	}
}

function notEditable(reason: string): EngineError {
	return new EngineError('MESSAGE_NOT_EDITABLE', `WhatsApp does not let this message be changed: ${reason}`);
}
