import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeCommand} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {Command, CommandReply} from '../../domain/messaging/command.ts';
import type {Message} from '../../domain/ports/broker.ts';
import {KeyedLanes} from './keyed-lanes.ts';
import type {MessageSender} from './message-sender.ts';
import type {SessionKeeper} from './session-keeper.ts';

/** Carries out commands: those of one chat in order, chats side by side. Answers after the outcome is stored. */
export class CommandHandler {
	readonly #sender: MessageSender;
	readonly #keeper: SessionKeeper;
	readonly #publisher: Publisher;
	readonly #lanes = new KeyedLanes();

	constructor({sender, keeper, publisher}: {sender: MessageSender; keeper: SessionKeeper; publisher: Publisher}) {
		this.#sender = sender;
		this.#keeper = keeper;
		this.#publisher = publisher;
	}

	/** @throws {StoreUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const command = decodeCommand(message);
		const reply = await this.#lanes.run(laneOf(command), () => this.#execute(command));
		await this.#publisher.reply(message, reply);
		return ACK;
	}

	#execute(command: Command): Promise<CommandReply> {
		return command.kind === 'message.send' ? this.#sender.send(command) : this.#keeper.execute(command);
	}
}

function laneOf(command: Command): string {
	return command.kind === 'message.send' ? `${command.connectionId}/${command.message.chatId}` : command.connectionId;
}
