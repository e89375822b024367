import type {Connection} from '../connections/connection.ts';
import {isLinked} from '../connections/is-linked.ts';
import {requireRunning} from '../connections/require-running.ts';
import {answerWithin, READ_WAIT_MS} from '../engines/answer-within.ts';
import {isEngineError} from '../engines/is-engine-error.ts';
import {requireCapability} from '../engines/require-capability.ts';
import {requireEngine} from '../engines/require-engine.ts';
import {DomainError, EngineError, ValidationError} from '../errors.ts';
import {normaliseChatId} from '../messaging/chat-id.ts';
import type {CommandRecord} from '../messaging/command.ts';
import {findSent} from '../messaging/find-sent.ts';
import {readMessageId} from '../messaging/message-id.ts';
import type {Clock} from '../ports/clock.ts';
import type {CommandStore} from '../ports/command-store.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {
	Chat,
	ChatMessage,
	Contact,
	EngineHistory,
	MessageTarget,
	Operation,
	Slice,
	WhatsAppEngine,
} from '../ports/whatsapp-engine.ts';
import {collect} from './collect.ts';
import {positionBehind, readHistoryCursor, toHistoryCursor} from './history-cursor.ts';
import {readHistory, type HistorySlice} from './read-history.ts';
import {unreadChats} from './unread-chats.ts';

/** What can be (part of) a message id; anything else is not even asked for. */
const POSSIBLE_ID = /^(?!\.+$)[\w@.:+=-]{1,300}$/;

/** A part of a chat's history. */
export interface MessagePage {
	/** Newest first. */
	readonly messages: readonly ChatMessage[];
	/** Continues with what is older; null at the start of history. */
	readonly nextBefore: string | null;
	/** Unix seconds of the oldest message there is; told only by the page that ends with it. */
	readonly historyStartsAt: number | null;
}

/** A message by what we know of it: at least one of the two. */
export interface KnownMessage {
	/** As the engine tells it; undefined when it does not know it (yet), or is away. */
	readonly message: ChatMessage | undefined;
	/** The send behind it; undefined for one that was not sent through here. */
	readonly sent: CommandRecord | undefined;
}

/**
 * Reading what the phone knows, from the engine each time: nothing of it is kept here. While no phone is linked there is nothing to
 * read, and lists are empty; an engine that fails is never shown as an empty list.
 * @throws {EngineError} why the engine did not answer
 * @throws {NotSupportedError} the engine cannot do this
 * @throws {NoWorkerAvailableError} a phone is linked, but no worker holds the session at the moment
 */
export class Conversations {
	readonly #engines: EngineDirectory;
	readonly #commands: Pick<CommandStore, 'find' | 'findByMessageKey'>;
	readonly #clock: Clock;

	/** @param options.commands where sends are recorded */
	constructor(options: {
		engines: EngineDirectory;
		commands: Pick<CommandStore, 'find' | 'findByMessageKey'>;
		clock: Clock;
	}) {
		this.#engines = options.engines;
		this.#commands = options.commands;
		this.#clock = options.clock;
	}

	/** Latest first. @param unreadOnly only those with unread messages, of the latest 1,000 chats */
	chats(
		connection: Connection,
		{limit, offset, unreadOnly}: Slice & {readonly unreadOnly: boolean},
	): Promise<readonly Chat[]> {
		return this.#read(connection, 'chats', [], (history, session) =>
			unreadOnly
				? unreadChats(history, session, {limit, offset})
				: collect(limit, offset, (slice) => history.chats(session, slice)),
		);
	}

	/** The newest messages of a chat, newest first. */
	latest(connection: Connection, chatId: string, limit: number): Promise<readonly ChatMessage[]> {
		return this.#read(connection, 'messages', [], (history, session) =>
			history.messages(session, chatId, {limit, offset: 0}),
		);
	}

	/** @param before `nextBefore` of the page before; default: from the newest on. @throws {ValidationError} */
	async messages(
		connection: Connection,
		chatId: string,
		{limit, before}: {readonly limit: number; readonly before?: string | undefined},
	): Promise<MessagePage> {
		const wanted = before === undefined ? undefined : readHistoryCursor(before);
		const nothing: HistorySlice = {messages: [], start: wanted};
		const found = await this.#read(connection, 'messages', nothing, (history, session) =>
			// One more tells whether this is the end.
			readHistory({history, session, chatId}, limit + 1, wanted),
		);
		const messages = found.messages.slice(0, limit);
		const end = positionBehind(messages, found.start);
		return found.messages.length > limit && end !== undefined
			? {messages, nextBefore: toHistoryCursor(end), historyStartsAt: null}
			: {messages, nextBefore: null, historyStartsAt: end?.timestamp ?? null};
	}

	/**
	 * One message. What was sent through here is known even when the engine does not know it (yet) or is away.
	 * @param id full, WhatsApp's own key, or the command that sends it
	 * @param chatId needed with a bare key of a message that was not sent through here
	 * @throws {EngineError} MESSAGE_NOT_FOUND
	 * @throws {ValidationError} the chat is needed
	 */
	async message(connection: Connection, id: string, chatId?: string): Promise<KnownMessage> {
		if (!POSSIBLE_ID.test(id)) {
			throw notFound();
		}
		const sent = await findSent(this.#commands, connection.id, id);
		const chat = requireChat(chatId ?? chatOfId(id) ?? sent?.chatId);
		const message = await this.#find(connection, chat, sent, id).catch((error: unknown) => {
			if (sent !== undefined && error instanceof DomainError) return undefined;
			throw error;
		});
		if (message === undefined && sent === undefined) {
			throw notFound();
		}
		return {message, sent};
	}

	/**
	 * Where a message is, as engines want it: the chat and the full id. The engine is asked only for what neither the id nor our record
	 * of the send tells.
	 * @param id @param chatId as for `message`
	 * @throws as `message`; MESSAGE_NOT_FOUND also for what was sent through here and has no id at WhatsApp that we know
	 */
	async target(connection: Connection, id: string, chatId?: string): Promise<MessageTarget> {
		if (!POSSIBLE_ID.test(id)) {
			throw notFound();
		}
		const chatOfFullId = chatOfId(id);
		if (chatOfFullId !== undefined) {
			return {chatId: chatId ?? chatOfFullId, messageId: id};
		}
		const sent = await findSent(this.#commands, connection.id, id);
		const chat = requireChat(chatId ?? sent?.chatId);
		const messageId = sent?.messageId ?? (await this.#find(connection, chat, sent, id))?.id;
		if (messageId === undefined) {
			throw notFound(sent && 'WhatsApp did not tell the id of this message (yet): take it from its event, message.any');
		}
		return {chatId: chat, messageId};
	}

	/** People, by id. */
	contacts(connection: Connection, {limit, offset}: Slice): Promise<readonly Contact[]> {
		return this.#read(connection, 'contacts', [], (history, session) =>
			collect(limit, offset, (slice) => history.contacts(session, slice)),
		);
	}

	/** URL of a profile picture at WhatsApp; null = none, hidden from us, or no phone is linked. */
	profilePicture(connection: Connection, contactId: string): Promise<string | null> {
		return this.#read(connection, 'profile-picture', null, (history, session) =>
			history.profilePicture(session, contactId),
		);
	}

	/** @param sent the send behind it: by what WhatsApp calls it then, and not by what the caller does */
	#find(
		connection: Connection,
		chatId: string,
		sent: CommandRecord | undefined,
		id: string,
	): Promise<ChatMessage | undefined> {
		const wanted = sent === undefined ? id : (sent.messageId ?? sent.messageKey);
		return this.#read(connection, 'messages', undefined, (history, session) =>
			history.findMessage(session, chatId, wanted),
		);
	}

	/** @param nothing what there is while no phone is linked @throws {ConnectionSuspendedError} */
	async #read<T>(
		connection: Connection,
		operation: Operation,
		nothing: T,
		read: (history: EngineHistory, session: string) => Promise<T>,
	): Promise<T> {
		requireRunning(connection);
		if (!isLinked(connection)) {
			return nothing;
		}
		const {sessionName} = connection;
		const engine = requireEngine(this.#engines, connection);
		requireCapability(engine.capabilities(), operation);
		const work = async (): Promise<T> => {
			try {
				return await read(engine.history, sessionName);
			} catch (error) {
				if (await isUnlinked(engine, sessionName, error)) return nothing;
				throw toOutage(error);
			}
		};
		return answerWithin(this.#clock, READ_WAIT_MS, work());
	}
}

/** Our record may lag behind: whether a phone is linked at all is the engine's to say. */
async function isUnlinked(engine: WhatsAppEngine, name: string, error: unknown): Promise<boolean> {
	if (!isNotConnected(error)) {
		return false;
	}
	const session = await engine.sessions.find(name);
	return session !== undefined && (session.me === null || session.status === 'SCAN_QR_CODE');
}

/** A linked phone that cannot be reached right now is an outage for whoever reads, and no conflict. */
function toOutage(error: unknown): unknown {
	return isNotConnected(error)
		? new EngineError('SESSION_STARTING', 'The session is not connected to WhatsApp at the moment: try again', {
				cause: error,
				retryAfterMs: 5000,
			})
		: error;
}

function isNotConnected(error: unknown): boolean {
	return isEngineError(error, 'SESSION_NOT_CONNECTED');
}

/** @throws {ValidationError} for a chat that cannot be */
function chatOfId(id: string): string | undefined {
	const parts = readMessageId(id);
	return parts && normaliseChatId(parts.chatId, 'the chat in messageId');
}

/** @throws {ValidationError} */
function requireChat(chatId: string | undefined): string {
	if (chatId === undefined) {
		throw new ValidationError('chatId is required with a bare message key: name its chat, or use the full id');
	}
	return chatId;
}

function notFound(message = 'Message not found'): EngineError {
	return new EngineError('MESSAGE_NOT_FOUND', message);
}
