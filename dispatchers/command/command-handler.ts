import {ACK, RETURN, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeCommand} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import {DomainError, StoreUnavailableError} from '../../domain/errors.ts';
import {chatOf, isChatCommand, isSendCommand, type Command, type CommandReply} from '../../domain/messaging/command.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ChatUpdater} from './chat-updater.ts';
import {KeyedLanes} from '../keyed-lanes.ts';
import type {MessageSender} from './message-sender.ts';
import type {SessionKeeper} from './session-keeper.ts';

/** A removal that cannot be done yet is tried this often, for ever: nobody else would give the place of its session back. */
const REMOVAL_RETRY_MS = 5 * 60_000;

/**
 * What waited longer for its turn goes back to the broker and comes again at once, as if new: RabbitMQ takes back everything that a
 * process has in hand, of all tenants, when one message is in hand for half an hour, and a chat's commands can take minutes each
 * (fetching a file from a slow server, sending it).
 */
const MAX_WAIT_MS = 15 * 60_000;

/** Carries out commands: those of one chat in order, chats side by side. Answers after the outcome is stored. */
export class CommandHandler {
	readonly #sender: MessageSender;
	readonly #updater: ChatUpdater;
	readonly #keeper: SessionKeeper;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #lanes = new KeyedLanes();
	readonly #stopping = new AbortController();
	#arrivals = 0;
	/** By lane, the last arrival that goes back unseen. */
	readonly #returned = new Map<string, number>();

	constructor(options: {
		sender: MessageSender;
		updater: ChatUpdater;
		keeper: SessionKeeper;
		publisher: Publisher;
		clock: Clock;
		log: Logger;
	}) {
		this.#sender = options.sender;
		this.#updater = options.updater;
		this.#keeper = options.keeper;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** @throws {StoreUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const command = decodeCommand(message);
		const lane = laneOf(command);
		const arrival = {number: ++this.#arrivals, atMs: this.#clock.now()};
		try {
			const reply = await this.#lanes.run(lane, async () =>
				this.#mustReturn(lane, arrival) ? undefined : this.#execute(command),
			);
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

	/** Together with one that waited too long goes everything behind it, so that all come again in their order. */
	#mustReturn(lane: string, {number, atMs}: {readonly number: number; readonly atMs: number}): boolean {
		if (this.#clock.now() - atMs > MAX_WAIT_MS) {
			this.#returned.set(lane, this.#arrivals);
		} else if (number > (this.#returned.get(lane) ?? 0)) {
			this.#returned.delete(lane);
			return false;
		}
		return true;
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
