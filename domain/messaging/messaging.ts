import {randomUUID} from 'node:crypto';
import type {Publisher} from '../broker/publisher.ts';
import type {Connection} from '../connections/connection.ts';
import {CommandFailedError, ConflictError} from '../errors.ts';
import {digest} from '../hashing.ts';
import type {Clock} from '../ports/clock.ts';
import type {CommandStore} from '../ports/command-store.ts';
import type {CommandRecord, CommandReply} from './command.ts';
import type {OutboundMessage} from './outbound.ts';

/** How long a route waits for its command; clients give up at 30 s. */
const REPLY_WAIT_MS = 25_000;

/** What the caller asked for beside the message. */
export interface SendOptions {
	/** Same key and same message within 24 h: the same answer and one WhatsApp message. */
	readonly idempotencyKey?: string;
	/** Do not wait for the outcome. */
	readonly respondAsync?: boolean;
}

export type SendOutcome =
	| {readonly kind: 'sent'; readonly commandId: string; readonly messageId: string | null; readonly timestamp: number}
	| {readonly kind: 'queued'; readonly commandId: string};

/** What tenants send. Every message is a command: a row, then a message through the broker, then its outcome. */
export class Messaging {
	readonly #commands: CommandStore;
	readonly #publisher: Publisher;
	readonly #clock: Clock;

	constructor({commands, publisher, clock}: {commands: CommandStore; publisher: Publisher; clock: Clock}) {
		this.#commands = commands;
		this.#publisher = publisher;
		this.#clock = clock;
	}

	/**
	 * @throws {CommandFailedError} why it was not sent, or OUTCOME_UNKNOWN
	 * @throws {ConflictError} the Idempotency-Key was used for another message
	 * @throws {BrokerUnavailableError}
	 */
	async send(connection: Connection, message: OutboundMessage, options: SendOptions = {}): Promise<SendOutcome> {
		if (connection.workerId === null) {
			throw new CommandFailedError('NO_WORKER_AVAILABLE', 'No worker assigned', 10_000);
		}
		const wanted = this.#newRecord(connection, message, options.idempotencyKey ?? null);
		const record = await this.#commands.create(wanted);
		if (record.bodyHash !== wanted.bodyHash || record.connectionId !== connection.id) {
			throw new ConflictError('This Idempotency-Key was used for a different request: use a new key for a new message');
		}
		const ended = outcomeOf(record);
		if (ended !== undefined) {
			return ended;
		}
		return this.#dispatch(record, message, options.respondAsync === true);
	}

	/** A repeat is published again: harmless, since only one claim succeeds, and it heals a crash between row and publish. */
	async #dispatch(record: CommandRecord, message: OutboundMessage, respondAsync: boolean): Promise<SendOutcome> {
		const {id, userId, connectionId} = record;
		const command = {kind: 'message.send', id, userId, connectionId, message} as const;
		if (respondAsync) {
			await this.#publisher.command(command);
			return {kind: 'queued', commandId: id};
		}
		const reply = await this.#publisher.request(command, REPLY_WAIT_MS);
		return reply === undefined ? {kind: 'queued', commandId: id} : outcomeOfReply(id, reply);
	}

	#newRecord(connection: Connection, message: OutboundMessage, idempotencyKey: string | null): CommandRecord {
		const now = new Date(this.#clock.now());
		return {
			id: randomUUID(),
			userId: connection.userId,
			connectionId: connection.id,
			kind: 'message.send',
			chatId: message.chatId,
			status: 'queued',
			idempotencyKey,
			bodyHash: digest(connection.id, JSON.stringify(message)).toString('hex'),
			messageId: null,
			sentTimestamp: null,
			failure: null,
			owner: null,
			createdAt: now,
			updatedAt: now,
		};
	}
}

/** The outcome of a command that has ended; undefined for one that is still on its way. */
function outcomeOf({id, status, messageId, sentTimestamp, failure}: CommandRecord): SendOutcome | undefined {
	if (status === 'sent') {
		return {kind: 'sent', commandId: id, messageId, timestamp: sentTimestamp ?? 0};
	}
	if (failure !== null) {
		throw new CommandFailedError(failure.code, failure.message, failure.retryAfterMs);
	}
	return undefined;
}

function outcomeOfReply(commandId: string, reply: CommandReply): SendOutcome {
	if (!reply.ok) {
		throw new CommandFailedError(reply.failure.code, reply.failure.message, reply.failure.retryAfterMs);
	}
	return {kind: 'sent', commandId, messageId: reply.messageId, timestamp: reply.timestamp ?? 0};
}
