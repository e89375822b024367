import {EngineError} from '../../domain/errors.ts';
import {fileOf} from '../../domain/messaging/outbound.ts';
import type {EngineFile, MessageTarget} from '../../domain/ports/whatsapp-engine.ts';
import type {ConversationHost} from './conversation-host.ts';
import {HistoryReader} from './history-reader.ts';
import {Incoming} from './incoming.ts';
import {MessageChanges} from './message-changes.ts';
import {Outgoing} from './outgoing.ts';
import {isChat} from './people.ts';
import {SentMessages} from './sent-messages.ts';

/** What one linked account and its contacts write to each other. Closed until the session works. */
export class Conversations {
	readonly incoming: Incoming;
	readonly outgoing: Outgoing;
	readonly changes: MessageChanges;
	readonly reader: HistoryReader;
	readonly #host: ConversationHost;
	readonly #sent: SentMessages;
	readonly #typing = new Set<string>();

	constructor(host: ConversationHost) {
		this.#host = host;
		this.#sent = new SentMessages({
			records: host.storage.state.sent,
			clock: host.clock,
			delays: host.ackDelays,
			onAck: (message, ack) => {
				this.incoming.onAck(message, ack);
			},
		});
		this.incoming = new Incoming({host, sent: this.#sent});
		this.outgoing = new Outgoing({host, sent: this.#sent, onSent: (chatId) => this.#typing.delete(chatId)});
		this.changes = new MessageChanges(host);
		this.reader = new HistoryReader(host);
	}

	/** The chats in which we are typing now. */
	get typingIn(): readonly string[] {
		return [...this.#typing];
	}

	/** Reports what waited, then everything as it happens. */
	open(): void {
		this.incoming.open();
		this.#sent.resume();
	}

	/** From now on what happens waits, and no acknowledgement comes. */
	close(): void {
		this.incoming.close();
		this.#sent.pause();
		this.#typing.clear();
	}

	/** Lasts until it is ended, a message goes out or the session stops working. @throws {EngineError} NOT_SUPPORTED */
	type(chatId: string, active: boolean): void {
		requireChat(chatId);
		if (active) {
			this.#typing.add(chatId);
		} else {
			this.#typing.delete(chatId);
		}
	}

	/** @throws {EngineError} NOT_SUPPORTED */
	markRead(chatId: string): void {
		requireChat(chatId);
		this.#host.storage.history.markRead(chatId);
		this.#host.storage.historyWriter.saveLater();
	}

	/** @throws {EngineError} MESSAGE_NOT_FOUND; MEDIA_NOT_FOUND when it has no file, or its bytes are gone */
	openFile(target: MessageTarget, signal: AbortSignal): EngineFile & {readonly filename: string} {
		const {key, content} = this.changes.get(target.messageId, target.chatId);
		const file = content === null ? undefined : fileOf(content);
		if (file === undefined) {
			throw new EngineError('MEDIA_NOT_FOUND', 'This message has no file');
		}
		return this.#host.files.openAgain(key, file, signal);
	}
}

function requireChat(chatId: string): void {
	if (!isChat(chatId)) {
		throw new EngineError('NOT_SUPPORTED', 'The simulator has no stories and no broadcast lists');
	}
}
