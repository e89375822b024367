import {randomUUID} from 'node:crypto';
import {DomainError, EngineError, MalformedMessageError, StoreUnavailableError} from '../../domain/errors.ts';
import {
	chatOf,
	clientMessageId,
	type CommandRecord,
	type CommandReply,
	type SendCommand,
} from '../../domain/messaging/command.ts';
import {messageKeyOf} from '../../domain/messaging/message-id.ts';
import {fileOf, withFile, type SendResult} from '../../domain/messaging/outbound.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {CommandEnd, CommandStore} from '../../domain/ports/command-store.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {withDeadline} from '../with-deadline.ts';
import type {Attachments} from './attachments.ts';
import {toFailure} from './failure.ts';
import {getSession, type LiveSession} from './live-session.ts';
import type {Typist} from './typist.ts';

/** The deadline of a send in the engine: under the broker's consumer timeout by far, above WAHA's own waits (15 s) … */
const SEND_TIMEOUT_MS = 60_000;

/**
 * … and with a file above the adapter's own deadline for it (120 s), which allows for up to 50 MB of base64 and a conversion. Cut
 * sooner, a message that is about to go out would become `unknown`.
 */
const SEND_FILE_TIMEOUT_MS = 130_000;

/** What everything but a text counts as, when it comes to typing. */
const LENGTH_OF_OTHERS = 20;

const UNKNOWN: CommandEnd = {
	status: 'unknown',
	failure: {
		code: 'OUTCOME_UNKNOWN',
		message: 'The message may or may not have been sent; it is not sent again. Look at the chat before you repeat it.',
	},
};

/** All that can be done before the claim is done: this sends. Or the reason why nothing can be sent. */
type Prepared = {readonly deliver: () => Promise<SendResult>} | {readonly failed: CommandEnd};

/**
 * Sends and forwards each message at most once. The claim (queued → sending) is the only licence to send; a command that is found in
 * `sending` by anyone but the claim's winner may or may not have gone out, so it becomes `unknown` and stays unsent. Whatever takes
 * time and can be repeated comes before the claim: fetching the file, typing.
 */
export class MessageSender {
	readonly #commands: CommandStore;
	readonly #connections: ConnectionStore;
	readonly #engines: EngineDirectory;
	readonly #attachments: Attachments;
	readonly #typist: Typist;
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
		attachments: Attachments;
		typist: Typist;
		clock: Clock;
		log: Logger;
	}) {
		this.#commands = options.commands;
		this.#connections = options.connections;
		this.#engines = options.engines;
		this.#attachments = options.attachments;
		this.#typist = options.typist;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * Calls for one command must come one after the other (they share a lane).
	 * @param signal breaks off what comes before the claim
	 * @returns undefined when it was broken off: nothing was sent, somebody else may
	 * @throws {StoreUnavailableError} call again with the same command: it is not sent twice.
	 */
	async send(command: SendCommand, signal: AbortSignal): Promise<CommandReply | undefined> {
		const known = this.#ends.get(command.id);
		if (known !== undefined) {
			return this.#finish(command, known);
		}
		const record = await this.#get(command.id);
		// Our own claim: the store went away with its answer, or right after it. Its typing is done.
		const isClaimed = record.status === 'sending' && record.owner === this.#owner;
		if (record.status !== 'queued' && !isClaimed) {
			return this.#close(command, record);
		}
		const prepared = await this.#prepare(command, signal, isClaimed);
		if (prepared === undefined) {
			return undefined;
		}
		if (isClaimed || (await this.#commands.claim(command.id, this.#owner, new Date(this.#clock.now())))) {
			return this.#finish(command, await this.#deliver(command, prepared));
		}
		return this.#close(command, await this.#get(command.id));
	}

	/** @throws {MalformedMessageError} there is no such row: it was made before the command, so it never was a command of ours */
	async #get(id: string): Promise<CommandRecord> {
		const record = await this.#commands.find(id);
		if (record === undefined) {
			throw new MalformedMessageError(`command ${id} has no row`);
		}
		return record;
	}

	/** Undefined when `signal` broke it off. @throws {StoreUnavailableError} */
	async #prepare(command: SendCommand, signal: AbortSignal, isClaimed: boolean): Promise<Prepared | undefined> {
		try {
			const stores = {connections: this.#connections, engines: this.#engines};
			const session = await getSession(stores, command.connectionId);
			const deliver = await this.#address(command, session, signal);
			// A session that nobody is linked to types in vain; why it cannot send either, the engine says.
			if (command.humanlike && session.isLinked && !isClaimed) {
				await this.#typist.type(session, chatOf(command), lengthOf(command), signal);
			}
			return signal.aborted ? undefined : {deliver};
		} catch (error) {
			if (error instanceof StoreUnavailableError) throw error;
			if (signal.aborted) return undefined;
			this.#log.warn({error, commandId: command.id, connectionId: command.connectionId}, 'command.unprepared');
			return {failed: {status: 'failed', failure: toFailure(error)}};
		}
	}

	/** The call that sends, with all it needs at hand. */
	async #address(
		command: SendCommand,
		{engine, name}: LiveSession,
		signal: AbortSignal,
	): Promise<() => Promise<SendResult>> {
		const key = clientMessageId(command.id);
		if (command.kind === 'message.forward') {
			const forward = {chatId: command.chatId, messageId: command.messageId};
			return () =>
				withDeadline(this.#clock, SEND_TIMEOUT_MS, (deadline) => engine.messages.forward(name, forward, key, deadline));
		}
		const file = fileOf(command.message.content);
		const openFile = file && (await this.#attachments.open(command, file, signal));
		const message = {...command.message, content: withFile(command.message.content, openFile)};
		const timeoutMs = file === undefined ? SEND_TIMEOUT_MS : SEND_FILE_TIMEOUT_MS;
		return () => withDeadline(this.#clock, timeoutMs, (deadline) => engine.messages.send(name, message, key, deadline));
	}

	/** The claim is ours. */
	async #deliver(command: SendCommand, prepared: Prepared): Promise<CommandEnd> {
		if ('failed' in prepared) {
			return prepared.failed;
		}
		this.#ends.set(command.id, UNKNOWN);
		try {
			const {id, timestamp} = await prepared.deliver();
			const key = id === null ? {} : {messageKey: messageKeyOf(id)};
			return {status: 'sent', messageId: id, sentTimestamp: timestamp, ...key};
		} catch (error) {
			this.#log.warn({error, commandId: command.id, connectionId: command.connectionId}, 'command.failed');
			return mayHaveBeenSent(error) ? UNKNOWN : {status: 'failed', failure: toFailure(error)};
		}
	}

	async #finish(command: SendCommand, end: CommandEnd): Promise<CommandReply> {
		this.#ends.set(command.id, end);
		await this.#record(command, end);
		this.#ends.delete(command.id);
		await this.#attachments.discard(command);
		return end.status === 'sent'
			? {ok: true, messageId: end.messageId, timestamp: end.sentTimestamp}
			: {ok: false, failure: end.failure};
	}

	/** Somebody else ended it, or is at it, or died: then the file stays, since they may still be reading it. */
	async #close(command: SendCommand, record: CommandRecord): Promise<CommandReply> {
		if (record.status === 'sending') {
			await this.#record(command, UNKNOWN);
			return replyOf(await this.#get(command.id));
		}
		await this.#attachments.discard(command);
		return replyOf(record);
	}

	async #record(command: SendCommand, end: CommandEnd): Promise<void> {
		await this.#commands.finish(command.id, end, new Date(this.#clock.now()));
		this.#log.info({commandId: command.id, connectionId: command.connectionId, status: end.status}, 'command.ended');
	}
}

function lengthOf(command: SendCommand): number {
	const content = command.kind === 'message.send' ? command.message.content : undefined;
	return content?.kind === 'text' ? content.text.length : LENGTH_OF_OTHERS;
}

/** What an engine did not foresee may have happened after the message was out. */
function mayHaveBeenSent(error: unknown): boolean {
	return !(error instanceof DomainError) || (error instanceof EngineError && error.sideEffect === 'possible');
}

function replyOf({status, messageId, sentTimestamp, failure}: CommandRecord): CommandReply {
	return status === 'sent' || failure === null ? {ok: true, messageId, timestamp: sentTimestamp} : {ok: false, failure};
}
