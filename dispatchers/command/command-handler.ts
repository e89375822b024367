import {ACK, RETURN, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeCommand} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import {DomainError, StoreUnavailableError} from '../../domain/errors.ts';
import {chatOf, isChatCommand, isSendCommand, type Command, type CommandReply} from '../../domain/messaging/command.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ChatUpdater} from './chat-updater.ts';
import {KeyedLanes} from './keyed-lanes.ts';
import type {MessageSender} from './message-sender.ts';
import type {SessionKeeper} from './session-keeper.ts';

/** A removal that cannot be done yet is tried this often, for ever: nobody else would give the place of its session back. */
const REMOVAL_RETRY_MS = 5 * 60_000;

/** Carries out commands: those of one chat in order, chats side by side. Answers after the outcome is stored. */
export class CommandHandler {
	readonly #sender: MessageSender;
	readonly #updater: ChatUpdater;
	readonly #keeper: SessionKeeper;
	readonly #publisher: Publisher;
	readonly #log: Logger;
	readonly #lanes = new KeyedLanes();
	readonly #stopping = new AbortController();

	constructor(options: {
		sender: MessageSender;
		updater: ChatUpdater;
		keeper: SessionKeeper;
		publisher: Publisher;
		log: Logger;
	}) {
		this.#sender = options.sender;
		this.#updater = options.updater;
		this.#keeper = options.keeper;
		this.#publisher = options.publisher;
		this.#log = options.log;
	}

	/** @throws {StoreUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const command = decodeCommand(message);
		try {
			const reply = await this.#lanes.run(laneOf(command), () => this.#execute(command));
			if (reply === undefined) {
				return RETURN;
			}
			await this.#publisher.reply(message, reply);
			return ACK;
		} catch (error) {
			if (command.kind !== 'session.remove' || !mayPass(error)) throw error;
			this.#log.warn({error, connectionId: command.connectionId, retryMs: REMOVAL_RETRY_MS}, 'session.removal.delayed');
			return {kind: 'retry', delayMs: REMOVAL_RETRY_MS};
		}
	}

	/**
	 * Begins nothing more: whoever types stops, and what was not sent yet is returned to the broker in the order of its chat. What an
	 * engine was asked for already is finished.
	 */
	stop(): void {
		this.#stopping.abort();
	}

	/** Undefined when it is left to another process. */
	async #execute(command: Command): Promise<CommandReply | undefined> {
		const {signal} = this.#stopping;
		if (signal.aborted) {
			return undefined;
		}
		if (isSendCommand(command)) {
			return this.#sender.send(command, signal);
		}
		return isChatCommand(command) ? this.#updater.execute(command) : this.#keeper.execute(command);
	}
}

function laneOf(command: Command): string {
	const {connectionId} = command;
	return isSendCommand(command) || isChatCommand(command) ? `${connectionId}/${chatOf(command)}` : connectionId;
}

/** Not so an outage of the store: the dispatcher waits for its end, together with everything else. */
function mayPass(error: unknown): boolean {
	return error instanceof DomainError && error.retryable && !(error instanceof StoreUnavailableError);
}
