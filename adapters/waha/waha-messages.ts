import {EngineError} from '../../domain/errors.ts';
import {EDITABLE_MS, REVOCABLE_MS} from '../../domain/messaging/change-windows.ts';
import type {OpenFile, OutboundMessage, SendResult} from '../../domain/messaging/outbound.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {
	ChatMessage,
	EngineHistory,
	EngineMessages,
	Forward,
	MessageTarget,
} from '../../domain/ports/whatsapp-engine.ts';
import {FileBody} from './file-body.ts';
import {requireOperation, takesMessageIds, type WahaEngineName} from './waha-capabilities.ts';
import type {WahaClient} from './waha-client.ts';
import {engineError} from './waha-failure.ts';
import {isForwarded, toEditResult, toSendResult} from './waha-mapper.ts';
import {toWahaOutbound} from './waha-outbound.ts';
import {messagePath} from './waha-paths.ts';

/** Writing through one WAHA. */
export class WahaMessages implements EngineMessages {
	readonly #client: WahaClient;
	readonly #engine: WahaEngineName;
	readonly #history: Pick<EngineHistory, 'findMessage'>;
	readonly #clock: Clock;

	constructor(options: {
		client: WahaClient;
		engine: WahaEngineName;
		history: Pick<EngineHistory, 'findMessage'>;
		clock: Clock;
	}) {
		this.#client = options.client;
		this.#engine = options.engine;
		this.#history = options.history;
		this.#clock = options.clock;
	}

	async send(
		session: string,
		message: OutboundMessage<OpenFile>,
		clientMessageId: string,
		signal: AbortSignal,
	): Promise<SendResult> {
		requireOperation(this.#engine, `send.${message.content.kind}`);
		const {path, fields: content, file} = toWahaOutbound(message);
		const {chatId, replyTo} = message;
		const fields = {
			session,
			chatId,
			...content,
			...(replyTo !== undefined && {reply_to: replyTo}),
			...this.#idOf(clientMessageId),
		};
		const answer =
			file === undefined
				? await this.#client.send(path, fields, {signal})
				: await this.#client.send(path, new FileBody({fields, file}), {signal, deadline: 'mediaMs'});
		return this.#receiptOf(answer);
	}

	async forward(
		session: string,
		{chatId, messageId}: Forward,
		clientMessageId: string,
		signal: AbortSignal,
	): Promise<SendResult> {
		requireOperation(this.#engine, 'forward');
		const body = {session, chatId, messageId, ...this.#idOf(clientMessageId)};
		// NOWEB calls what it does not find in its store unprocessable.
		const meanings = {404: 'MESSAGE_NOT_FOUND', 422: 'MESSAGE_NOT_FOUND'} as const;
		const answer = await this.#client.send('api/forwardMessage', body, {signal, meanings});
		if (!isForwarded(answer)) {
			throw engineError('MESSAGE_NOT_FOUND', new Error('WAHA answered that it forwarded nothing'));
		}
		return this.#receiptOf(answer);
	}

	async edit(session: string, target: MessageTarget, text: string, signal: AbortSignal): Promise<SendResult> {
		requireEditable(await this.#own(session, target, EDITABLE_MS));
		const body = {text, linkPreview: true, linkPreviewHighQuality: false};
		const answer = await this.#client.change('PUT', messagePath(session, target), body, {signal, meanings: OF_CHANGE});
		return toEditResult(this.#engine, target.messageId, answer, this.#clock.now());
	}

	async revoke(session: string, target: MessageTarget, signal: AbortSignal): Promise<void> {
		await this.#own(session, target, REVOCABLE_MS);
		await this.#client.change('DELETE', messagePath(session, target), undefined, {signal, meanings: OF_CHANGE});
	}

	async react(session: string, target: MessageTarget, reaction: string, signal: AbortSignal): Promise<void> {
		const {messageId} = target;
		await this.#existing(session, target);
		const body = {session, messageId, reaction};
		await this.#client.change('PUT', 'api/reaction', body, {signal, meanings: {404: 'MESSAGE_NOT_FOUND'}});
	}

	/** @throws {EngineError} OUTCOME_UNKNOWN for what is no answer of this engine */
	#receiptOf(answer: unknown): SendResult {
		const receipt = toSendResult(this.#engine, answer, this.#clock.now());
		if (receipt === undefined) {
			throw engineError('OUTCOME_UNKNOWN', new Error(`${this.#engine} answered no message`));
		}
		return receipt;
	}

	#idOf(clientMessageId: string): {id?: string} {
		return takesMessageIds(this.#engine) ? {id: clientMessageId} : {};
	}

	/**
	 * Looks before it leaps: NOWEB and GOWS send any change to WhatsApp, which drops what makes no sense without a word.
	 * @throws {EngineError} MESSAGE_NOT_FOUND
	 */
	async #existing(session: string, {chatId, messageId}: MessageTarget): Promise<ChatMessage> {
		const message = await this.#history.findMessage(session, chatId, messageId);
		if (message === undefined) throw engineError('MESSAGE_NOT_FOUND');
		return message;
	}

	/** @throws {EngineError} MESSAGE_NOT_FOUND, MESSAGE_NOT_EDITABLE */
	async #own(session: string, target: MessageTarget, withinMs: number): Promise<ChatMessage> {
		const message = await this.#existing(session, target);
		if (!message.fromMe) {
			throw new EngineError('MESSAGE_NOT_EDITABLE', 'Only messages that this account sent can be changed');
		}
		if (message.timestamp > 0 && this.#clock.now() - message.timestamp * 1000 > withinMs) {
			throw new EngineError('MESSAGE_NOT_EDITABLE', `WhatsApp lets a message be changed for ${inWords(withinMs)} only`);
		}
		return message;
	}
}

/** What statuses mean for a message that is to be changed. */
const OF_CHANGE = {404: 'MESSAGE_NOT_FOUND', 422: 'MESSAGE_NOT_EDITABLE'} as const;

/** WEBJS tells a contact or a location as the body. */
function requireEditable({body, location, vCards}: ChatMessage): void {
	const isCard = Array.isArray(vCards) && vCards.length > 0;
	if (body === '' || isCard || (typeof location === 'object' && location !== null)) {
		throw new EngineError('MESSAGE_NOT_EDITABLE', 'This message has no text that could be edited');
	}
}

function inWords(ms: number): string {
	const minutes = ms / 60_000;
	return minutes < 120 ? `${minutes} minutes` : `${minutes / 60} hours`;
}
