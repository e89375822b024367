import {StoreUnavailableError} from '../../domain/errors.ts';
import type {ChatCommand, CommandReply} from '../../domain/messaging/command.ts';
import type {SendResult} from '../../domain/messaging/outbound.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MessageTarget} from '../../domain/ports/whatsapp-engine.ts';
import {toFailure} from './failure.ts';
import {getSession} from './live-session.ts';

/** Within the 25 s that a route waits for its answer. */
const TIMEOUT_MS = 20_000;

/** Edits, revokes, reacts, marks as read and shows typing. Each can be repeated, so nothing is stored of it. */
export class ChatUpdater {
	readonly #connections: ConnectionStore;
	readonly #engines: EngineDirectory;
	readonly #log: Logger;

	constructor(options: {connections: ConnectionStore; engines: EngineDirectory; log: Logger}) {
		this.#connections = options.connections;
		this.#engines = options.engines;
		this.#log = options.log;
	}

	/** Whatever stops it is the answer: nobody would want it done later. @throws {StoreUnavailableError} nothing was done yet */
	async execute(command: ChatCommand): Promise<CommandReply> {
		try {
			const result = await this.#run(command);
			return {ok: true, messageId: result?.id ?? null, timestamp: result?.timestamp ?? null};
		} catch (error) {
			if (error instanceof StoreUnavailableError) throw error;
			this.#log.warn({error, kind: command.kind, connectionId: command.connectionId}, 'chat.command.failed');
			return {ok: false, failure: toFailure(error)};
		}
	}

	async #run(command: ChatCommand): Promise<SendResult | undefined> {
		const stores = {connections: this.#connections, engines: this.#engines};
		const {engine, name} = await getSession(stores, command.connectionId);
		const {messages, presence} = engine;
		const signal = AbortSignal.timeout(TIMEOUT_MS);
		switch (command.kind) {
			case 'message.edit':
				return messages.edit(name, targetOf(command), command.text, signal);
			case 'message.revoke':
				await messages.revoke(name, targetOf(command), signal);
				return undefined;
			case 'message.react':
				await messages.react(name, targetOf(command), command.reaction, signal);
				return undefined;
			case 'chat.read':
				await presence.markRead(name, command.chatId, signal);
				return undefined;
			case 'chat.typing':
				await presence.typing(name, command.chatId, command.active, signal);
				return undefined;
		}
	}
}

function targetOf({chatId, messageId}: MessageTarget): MessageTarget {
	return {chatId, messageId};
}
