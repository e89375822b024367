import {randomUUID} from 'node:crypto';
import {DomainError, EngineError, MalformedMessageError} from '../../domain/errors.ts';
import {clientMessageId, type Command, type CommandRecord, type CommandReply} from '../../domain/messaging/command.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {CommandEnd, CommandStore} from '../../domain/ports/command-store.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {toFailure} from './failure.ts';

type SendCommand = Extract<Command, {kind: 'message.send'}>;

/** The deadline of a send in the engine: under the broker's consumer timeout by far, above WAHA's own waits (15 s). */
const SEND_TIMEOUT_MS = 60_000;

const UNKNOWN: CommandEnd = {
	status: 'unknown',
	failure: {
		code: 'OUTCOME_UNKNOWN',
		message: 'The message may or may not have been sent; it is not sent again. Look at the chat before you repeat it.',
	},
};

/**
 * Sends each message at most once. The claim (queued → sending) is the only licence to send; a command that is found in
 * `sending` by anyone but the claim's winner may or may not have gone out, so it becomes `unknown` and stays unsent.
 */
export class MessageSender {
	readonly #commands: CommandStore;
	readonly #connections: ConnectionStore;
	readonly #engines: EngineDirectory;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #owner = randomUUID();
	/**
	 * How commands end as far as this process knows, until that is stored: `unknown` from the moment when an engine is asked. What
	 * is claimed by this process and not in here was not sent.
	 */
	readonly #ends = new Map<string, CommandEnd>();

	constructor(options: {
		commands: CommandStore;
		connections: ConnectionStore;
		engines: EngineDirectory;
		clock: Clock;
		log: Logger;
	}) {
		this.#commands = options.commands;
		this.#connections = options.connections;
		this.#engines = options.engines;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * Calls for one command must come one after the other (they share a lane).
	 * @throws {StoreUnavailableError} call again with the same command: it is not sent twice.
	 */
	async send(command: SendCommand): Promise<CommandReply> {
		const known = this.#ends.get(command.id);
		if (known !== undefined) {
			return this.#finish(command, known);
		}
		if (await this.#commands.claim(command.id, this.#owner, new Date(this.#clock.now()))) {
			return this.#finish(command, await this.#deliver(command));
		}
		const record = await this.#commands.find(command.id);
		if (record === undefined) {
			throw new MalformedMessageError(`command ${command.id} has no row`);
		}
		if (record.status !== 'sending') {
			return replyOf(record);
		}
		// Our own claim: the store went away with its answer, or right after it.
		return this.#finish(command, record.owner === this.#owner ? await this.#deliver(command) : UNKNOWN);
	}

	/** @throws {StoreUnavailableError} nothing was sent */
	async #deliver(command: SendCommand): Promise<CommandEnd> {
		const connection = await this.#connections.find(command.connectionId);
		this.#ends.set(command.id, UNKNOWN);
		try {
			const workerId = connection?.deletedAt === null ? connection.workerId : null;
			if (connection === undefined || workerId === null) {
				throw new EngineError(
					'SESSION_NOT_FOUND',
					'The connection has no session: wait until it is assigned, or create a new one',
				);
			}
			const receipt = await this.#engines
				.engineOf(workerId)
				.messages.send(
					connection.sessionName,
					command.message,
					clientMessageId(command.id),
					AbortSignal.timeout(SEND_TIMEOUT_MS),
				);
			return {status: 'sent', messageId: receipt.id, sentTimestamp: receipt.timestamp};
		} catch (error) {
			this.#log.warn({error, commandId: command.id, connectionId: command.connectionId}, 'command.failed');
			return mayHaveBeenSent(error) ? UNKNOWN : {status: 'failed', failure: toFailure(error)};
		}
	}

	async #finish(command: SendCommand, end: CommandEnd): Promise<CommandReply> {
		this.#ends.set(command.id, end);
		await this.#commands.finish(command.id, end, new Date(this.#clock.now()));
		this.#ends.delete(command.id);
		this.#log.info({commandId: command.id, connectionId: command.connectionId, status: end.status}, 'command.ended');
		return end.status === 'sent'
			? {ok: true, messageId: end.messageId, timestamp: end.sentTimestamp}
			: {ok: false, failure: end.failure};
	}
}

/** What an engine did not foresee may have happened after the message was out. */
function mayHaveBeenSent(error: unknown): boolean {
	return !(error instanceof DomainError) || (error instanceof EngineError && error.sideEffect === 'possible');
}

function replyOf({status, messageId, sentTimestamp, failure}: CommandRecord): CommandReply {
	return status === 'sent' || failure === null ? {ok: true, messageId, timestamp: sentTimestamp} : {ok: false, failure};
}
