import {EngineError} from '../../domain/errors.ts';
import {messageKeyOf} from '../../domain/messaging/message-id.ts';
import {
	fileOf,
	withFile,
	type OpenFile,
	type OutboundMessage,
	type SendResult,
} from '../../domain/messaging/outbound.ts';
import {ACK, type Ack} from './ack.ts';
import {accountRestricted, admit, type Reaction} from './admission.ts';
import {requireNotCalledOff} from './require-not-called-off.ts';
import {requireValidContent} from './content-rules.ts';
import {noteChat, ownParticipant, remember, toSeconds, viewOf, type ConversationHost} from './conversation-host.ts';
import {measure, type SimulatedContent, type SimulatedFile} from './files/simulated-file.ts';
import {firstAck, messageId, messagePayload} from './noweb/message.ts';
import {groupMembers} from './people.ts';
import type {SentMessages} from './sent-messages.ts';
import type {SentMessage} from './session-state.ts';
import type {StoredMessage} from './stored-message.ts';

/** WhatsApp's usual ban on new chats. */
const RESTRICTION_MS = 24 * 60 * 60 * 1000;

/** The last acknowledgement that comes by itself. */
const REACHES = {reads: ACK.READ, unreachable: ACK.SERVER, restricts: ACK.ERROR} as const satisfies Record<
	Reaction,
	Ack
>;

/** A message whose file was read. */
interface Draft {
	readonly chatId: string;
	readonly content: SimulatedContent;
	readonly quotedKey: string | null;
	readonly mentions: readonly string[];
	readonly isForwarded: boolean;
}

/** What the session sends. */
export class Outgoing {
	readonly #host: ConversationHost;
	readonly #sent: SentMessages;
	readonly #onSent: (chatId: string) => void;

	/** @param options.onSent hears of every message that goes out */
	constructor(options: {host: ConversationHost; sent: SentMessages; onSent: (chatId: string) => void}) {
		this.#host = options.host;
		this.#sent = options.sent;
		this.#onSent = options.onSent;
	}

	/**
	 * Sends once per client message id: a repeat gives the first result.
	 * @param requireWorking asked again once the file was read, which may take a while
	 * @throws {EngineError} and whatever reading the file throws; nothing went out then
	 */
	async send(
		message: OutboundMessage<OpenFile>,
		key: string,
		{signal, requireWorking}: {readonly signal: AbortSignal; readonly requireWorking: () => void},
	): Promise<SendResult> {
		const {chatId, replyTo, mentions = []} = message;
		const earlier = this.#resultOf(chatId, key);
		if (earlier !== undefined) {
			return earlier;
		}
		requireValidContent(message);
		admit(chatId, this.#host.storage.state, this.#host.clock.now());
		const content = await this.#read(message.content, signal);
		requireWorking();
		return this.#post(
			{
				chatId,
				content,
				quotedKey: this.#quotedKey(replyTo),
				mentions: mentions.includes('all') ? groupMembers(this.#host.seed, chatId) : mentions,
				isForwarded: false,
			},
			key,
		);
	}

	/** Sends what a message holds on to another chat, as `send`. */
	async forward(message: StoredMessage, chatId: string, key: string): Promise<SendResult> {
		const {content} = message;
		if (content === null) {
			throw new EngineError('MESSAGE_NOT_FOUND', 'This message was deleted: there is nothing to forward');
		}
		return this.#post({chatId, content, quotedKey: null, mentions: [], isForwarded: true}, key);
	}

	/** Reads the file to its end, as WhatsApp would. */
	async #read(content: OutboundMessage<OpenFile>['content'], signal: AbortSignal): Promise<SimulatedContent> {
		const file = fileOf(content);
		if (file === undefined) {
			return withFile<OpenFile, SimulatedFile>(content, undefined);
		}
		const read = await measure(stoppable(file.open(), signal));
		if (read.sizeBytes === 0) {
			throw new EngineError('CONTENT_INVALID', 'the file is empty');
		}
		const filename = content.kind === 'document' ? file.filename : null;
		return withFile(content, this.#host.files.take(read, {mimetype: file.mimetype, filename}));
	}

	async #post(draft: Draft, key: string): Promise<SendResult> {
		const {chatId} = draft;
		const nowMs = this.#host.clock.now();
		const earlier = this.#resultOf(chatId, key);
		if (earlier !== undefined) {
			return earlier;
		}
		const reaction = admit(chatId, this.#host.storage.state, nowMs);
		const message = this.#stored(draft, key, toSeconds(nowMs));
		const id = messageId(message);
		const sent = {
			id,
			chatId,
			timestamp: message.timestamp,
			ack: ACK.PENDING,
			reaches: message.ack === null ? ACK.PENDING : REACHES[reaction],
		};
		await this.#record(sent);
		this.#report(message, sent);
		if (reaction === 'restricts') {
			this.#host.restrict(nowMs + RESTRICTION_MS);
			throw accountRestricted(this.#host.storage.state, nowMs);
		}
		noteChat(this.#host, chatId);
		return {id, timestamp: sent.timestamp};
	}

	/** What the first send with this key gave; one that ended in an error may be tried again. */
	#resultOf(chatId: string, key: string): SendResult | undefined {
		const earlier = this.#sent.find(key);
		return earlier?.chatId === chatId && earlier.reaches !== ACK.ERROR
			? {id: earlier.id, timestamp: earlier.timestamp}
			: undefined;
	}

	#stored(draft: Draft, key: string, timestamp: number): StoredMessage {
		const name = {key, fromMe: true, chatId: draft.chatId};
		return {...name, participant: ownParticipant(this.#host, draft.chatId), timestamp, ack: firstAck(name), ...draft};
	}

	/** What was sent must be known after a restart: its acknowledgements are still to come. */
	async #record(sent: SentMessage): Promise<void> {
		this.#sent.add(sent);
		try {
			await this.#host.storage.stateWriter.save();
		} catch (error) {
			this.#sent.remove(sent);
			throw error;
		}
	}

	#report(message: StoredMessage, sent: SentMessage): void {
		remember(this.#host, message);
		this.#onSent(message.chatId);
		const file = message.content === null ? undefined : fileOf(message.content);
		const mediaUrl = file === undefined ? null : this.#host.files.serve(message.key, file);
		void this.#host.report(['message.any'], messagePayload(message, viewOf(this.#host, message, mediaUrl)));
		this.#sent.follow(sent);
	}

	/** NOWEB, too, drops the quote of a message that it does not know any more. */
	#quotedKey(replyTo: string | undefined): string | null {
		return (replyTo === undefined ? undefined : this.#host.storage.history.find(messageKeyOf(replyTo)))?.key ?? null;
	}
}

/** Stops reading when it is told to. */
async function* stoppable(content: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
	for await (const chunk of content) {
		requireNotCalledOff(signal);
		yield chunk;
	}
}
