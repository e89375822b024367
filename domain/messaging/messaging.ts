import {randomUUID} from 'node:crypto';
import type {Publisher} from '../broker/publisher.ts';
import type {Connection} from '../connections/connection.ts';
import type {Conversations} from '../conversations/conversations.ts';
import {answerWithin} from '../engines/answer-within.ts';
import {requireCapability} from '../engines/require-capability.ts';
import {requireEngine} from '../engines/require-engine.ts';
import {BrokerUnavailableError, ConflictError} from '../errors.ts';
import {digest} from '../hashing.ts';
import type {Clock} from '../ports/clock.ts';
import type {CommandStore} from '../ports/command-store.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {MediaStore} from '../ports/media-store.ts';
import type {MessageTarget, Operation} from '../ports/whatsapp-engine.ts';
import {outcomeOfRecord, outcomeOfReply, type CommandOutcome} from './command-outcome.ts';
import {chatOf, clientMessageId, type ChatCommand, type CommandRecord, type SendCommand} from './command.ts';
import {fileOf, type OutboundMessage} from './outbound.ts';

/** How long a route waits for its command; clients give up at 30 s. */
const REPLY_WAIT_MS = 25_000;

/** For how long a message is looked for before that, where its id does not tell where it is. */
const LOOKUP_WAIT_MS = 4000;

/** Owns commands that are not to be carried out any more. */
const CALLED_OFF = 'called off';

/** What the caller asked for beside the message. */
export interface SendOptions {
	/** Same key and same message within 24 h: the same answer and one WhatsApp message. */
	readonly idempotencyKey?: string;
	/** Do not wait for the outcome. */
	readonly respondAsync?: boolean;
	/** Read, type and pause first, as a person would: 1 to 8 s. Default true. */
	readonly humanlike?: boolean;
}

/** A message as callers name it: the ways are those of `Conversations.target`. */
export interface MessageReference {
	readonly messageId: string;
	/** Of the message; as the caller names it, since one chat can have two ids (`@c.us` and `@lid`). */
	readonly chatId?: string | undefined;
}

/** Distributes over the union, so that each kind keeps its own fields. */
type WithoutIds<T> = T extends unknown ? Omit<T, 'id' | 'userId' | 'connectionId'> : never;

/**
 * What tenants do in chats. Everything is a command through the broker; what would be a second message when repeated has a row,
 * is claimed once and keeps its outcome.
 * @throws {NoWorkerAvailableError} the connection has no session yet
 * @throws {NotSupportedError} its engine cannot do this
 * @throws what `Conversations.target` throws, where a message is named by something else than its full id
 * @throws {CommandFailedError} why it was not done, or OUTCOME_UNKNOWN
 * @throws {BrokerUnavailableError} a message is not sent then, neither now nor later; one with an Idempotency-Key may be, and its repeat tells
 */
export class Messaging {
	readonly #commands: CommandStore;
	readonly #engines: EngineDirectory;
	readonly #media: MediaStore;
	readonly #conversations: Pick<Conversations, 'target'>;
	readonly #publisher: Publisher;
	readonly #clock: Clock;

	constructor(options: {
		commands: CommandStore;
		engines: EngineDirectory;
		media: MediaStore;
		conversations: Pick<Conversations, 'target'>;
		publisher: Publisher;
		clock: Clock;
	}) {
		this.#commands = options.commands;
		this.#engines = options.engines;
		this.#media = options.media;
		this.#conversations = options.conversations;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
	}

	/**
	 * An uploaded file is used up by this call: whoever carries out the command removes it, or this does when there is nothing to do.
	 * @throws {ConflictError} the Idempotency-Key was used for another message
	 */
	async send(connection: Connection, message: OutboundMessage, options: SendOptions = {}): Promise<CommandOutcome> {
		let isOnItsWay = false;
		try {
			this.#require(connection, `send.${message.content.kind}`);
			if (message.replyTo !== undefined) this.#require(connection, 'reply');
			if (message.mentions !== undefined) this.#require(connection, 'mentions');
			const {command, ended} = await this.#record(
				{
					kind: 'message.send',
					message: await this.#withQuote(connection, message),
					humanlike: options.humanlike ?? true,
					...newIds(connection),
				},
				fingerprint(message),
				options.idempotencyKey,
			);
			if (ended !== undefined) return ended;
			isOnItsWay = true;
			return await this.#dispatch(command, options);
		} finally {
			if (!isOnItsWay) await this.#discardUpload({connectionId: connection.id}, message);
		}
	}

	/** Sends a message on. @param forward.chatId the recipient @throws {ConflictError} as `send` */
	async forward(
		connection: Connection,
		{chatId, messageId}: {readonly chatId: string; readonly messageId: string},
		options: SendOptions = {},
	): Promise<CommandOutcome> {
		this.#require(connection, 'forward');
		const {messageId: fullId} = await this.#find(connection, {messageId});
		const {command, ended} = await this.#record(
			{kind: 'message.forward', chatId, messageId: fullId, humanlike: options.humanlike ?? true, ...newIds(connection)},
			JSON.stringify({forward: messageId, chatId}),
			options.idempotencyKey,
		);
		return ended ?? this.#dispatch(command, options);
	}

	async edit(connection: Connection, message: MessageReference, text: string): Promise<CommandOutcome> {
		this.#require(connection, 'edit');
		return this.#change(connection, {kind: 'message.edit', ...(await this.#find(connection, message)), text});
	}

	async revoke(connection: Connection, message: MessageReference): Promise<CommandOutcome> {
		this.#require(connection, 'revoke');
		return this.#change(connection, {kind: 'message.revoke', ...(await this.#find(connection, message))});
	}

	async react(connection: Connection, message: MessageReference, reaction: string): Promise<CommandOutcome> {
		this.#require(connection, 'react');
		return this.#change(connection, {kind: 'message.react', ...(await this.#find(connection, message)), reaction});
	}

	async markRead(connection: Connection, chatId: string): Promise<CommandOutcome> {
		this.#require(connection, 'mark-read');
		return this.#change(connection, {kind: 'chat.read', chatId});
	}

	async typing(connection: Connection, chatId: string, active: boolean): Promise<CommandOutcome> {
		this.#require(connection, 'typing');
		return this.#change(connection, {kind: 'chat.typing', chatId, active});
	}

	/** Engines want full ids: the one place where whatever a caller named becomes one, before its command is made. */
	#find(connection: Connection, {messageId, chatId}: MessageReference): Promise<MessageTarget> {
		return answerWithin(this.#clock, LOOKUP_WAIT_MS, this.#conversations.target(connection, messageId, chatId));
	}

	/** What is quoted by a bare key is of the same chat. */
	async #withQuote(connection: Connection, message: OutboundMessage): Promise<OutboundMessage> {
		const {replyTo, chatId} = message;
		if (replyTo === undefined) return message;
		return {...message, replyTo: (await this.#find(connection, {messageId: replyTo, chatId})).messageId};
	}

	/** Adds the row, or finds the one of an earlier request with this key; then the command is the earlier one. */
	async #record<Send extends SendCommand>(
		wanted: Send,
		asked: string,
		idempotencyKey = null as string | null,
	): Promise<{command: Send; ended: CommandOutcome | undefined}> {
		const bodyHash = digest(wanted.connectionId, asked).toString('hex');
		const record = await this.#commands.create(this.#newRecord(wanted, bodyHash, idempotencyKey));
		if (record.bodyHash !== bodyHash || record.connectionId !== wanted.connectionId) {
			throw new ConflictError('This Idempotency-Key was used for a different request: use a new key for a new message');
		}
		return {command: {...wanted, id: record.id}, ended: outcomeOfRecord(record)};
	}

	/** A repeat is published again: harmless, since only one claim succeeds, and it heals a crash between row and publish. */
	async #dispatch(command: SendCommand, options: SendOptions): Promise<CommandOutcome> {
		try {
			return await this.#handOver(command, options);
		} catch (error) {
			// With a key, the caller's repeat finds the row and goes on with it.
			if (!(error instanceof BrokerUnavailableError) || options.idempotencyKey !== undefined) throw error;
			return this.#callOff(command, error);
		}
	}

	/**
	 * The broker may have a command that it did not confirm, and whoever is told that it failed sends the message again: so nobody may
	 * carry it out any more. If somebody is at it already, it did not fail.
	 */
	async #callOff(command: SendCommand, refusal: BrokerUnavailableError): Promise<CommandOutcome> {
		const now = new Date(this.#clock.now());
		if (!(await this.#commands.claim(command.id, CALLED_OFF, now))) {
			const record = await this.#commands.find(command.id);
			return (record && outcomeOfRecord(record)) ?? {kind: 'queued', commandId: command.id};
		}
		const {code, message, retryAfterMs} = refusal;
		await this.#commands.finish(command.id, {status: 'failed', failure: {code, message, retryAfterMs}}, now);
		if (command.kind === 'message.send') await this.#discardUpload(command, command.message);
		throw refusal;
	}

	async #handOver(command: SendCommand, {respondAsync = false}: SendOptions): Promise<CommandOutcome> {
		if (respondAsync) {
			await this.#publisher.command(command);
			return {kind: 'queued', commandId: command.id};
		}
		const reply = await this.#publisher.request(command, REPLY_WAIT_MS);
		if (reply !== undefined) {
			return outcomeOfReply(command.id, reply);
		}
		// The answer may be lost although the command is done.
		const record = await this.#commands.find(command.id);
		return (record && outcomeOfRecord(record)) ?? {kind: 'queued', commandId: command.id};
	}

	async #change(connection: Connection, change: WithoutIds<ChatCommand>): Promise<CommandOutcome> {
		const command = {...change, ...newIds(connection)};
		const reply = await this.#publisher.request(command, REPLY_WAIT_MS);
		return reply === undefined ? {kind: 'queued', commandId: command.id} : outcomeOfReply(command.id, reply);
	}

	async #discardUpload({connectionId}: Pick<SendCommand, 'connectionId'>, {content}: OutboundMessage): Promise<void> {
		const source = fileOf(content)?.source;
		if (source?.kind === 'stored') {
			// What cannot be removed now goes when files expire: the caller's answer does not depend on it.
			await this.#media.remove({connectionId, filename: source.filename}).catch(() => undefined);
		}
	}

	#require(connection: Connection, operation: Operation): void {
		requireCapability(requireEngine(this.#engines, connection).capabilities(), operation);
	}

	#newRecord(command: SendCommand, bodyHash: string, idempotencyKey: string | null): CommandRecord {
		const now = new Date(this.#clock.now());
		const {id, userId, connectionId, kind} = command;
		return {
			id,
			userId,
			connectionId,
			kind,
			chatId: chatOf(command),
			status: 'queued',
			idempotencyKey,
			bodyHash,
			messageId: null,
			messageKey: clientMessageId(id),
			sentTimestamp: null,
			failure: null,
			owner: null,
			receipts: {},
			createdAt: now,
			updatedAt: now,
		};
	}
}

function newIds({id, userId}: Connection): {
	readonly id: string;
	readonly userId: string;
	readonly connectionId: string;
} {
	return {id: randomUUID(), userId, connectionId: id};
}

/** What makes two messages the same: a stored file by its content, since every upload has a name of its own. */
function fingerprint(message: OutboundMessage): string {
	const source = fileOf(message.content)?.source;
	return JSON.stringify(message, (key, value: unknown) =>
		key === 'source' && source?.kind === 'stored' ? source.sha256 : value,
	);
}
