import {NotFoundError, ValidationError} from '../../domain/errors.ts';
import {MESSAGE_ACK_EVENT} from '../../domain/events/vocabulary.ts';
import type {OutboundMessage, SendReceipt} from '../../domain/messaging/outbound.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {SimulatedMessage} from '../../domain/ports/simulator-control.ts';
import {ACK, isAck, type Ack} from './ack.ts';
import {accountRestricted, admit, requireReachable, type Reaction} from './admission.ts';
import {Incidents} from './incidents.ts';
import {messageAck, messageId, ownMessage, type Quote} from './noweb-events.ts';
import {messageOf, reactionOf} from './noweb-incidents.ts';
import {contactId} from './people.ts';
import {RecentTexts} from './recent-texts.ts';
import {toHex, type Seed} from './seed.ts';
import {SentMessages, type AckDelays} from './sent-messages.ts';
import type {Incident, SentMessage, SessionState} from './session-state.ts';
import type {StateWriter} from './state-writer.ts';

/** How many chats count as known; the oldest are forgotten first. */
const MAX_CHATS = 1000;

/** WhatsApp's usual ban on new chats. */
const RESTRICTION_MS = 24 * 60 * 60 * 1000;

/** The last acknowledgement that comes by itself. */
const REACHES = {reads: ACK.READ, unreachable: ACK.SERVER, restricts: ACK.ERROR} as const satisfies Record<
	Reaction,
	Ack
>;

/** What conversations need of the session that they belong to. */
export interface ConversationHost {
	readonly session: string;
	readonly state: SessionState;
	readonly writer: StateWriter;
	/** Names and numbers of contacts come from it. */
	readonly seed: Seed;
	/** Message keys are drawn from it. */
	readonly keys: Seed;
	readonly clock: Clock;
	readonly log: Logger;
	readonly ackDelays: AckDelays;
	/** Contacts who answer a text with the same text, once they have read it. */
	readonly echo: ReadonlySet<string>;
	/** Reports one happening under one or several event names. Resolves once it is confirmed; never rejects. */
	readonly report: (events: readonly string[], payload: object) => Promise<void>;
	readonly restrict: (untilMs: number) => void;
}

/** What one linked account and its contacts write to each other. Closed until the session works. */
export class Conversations {
	readonly #host: ConversationHost;
	readonly #incidents: Incidents;
	readonly #sent: SentMessages;
	readonly #texts = new RecentTexts();

	constructor(host: ConversationHost) {
		const {session, state, writer, clock, log, ackDelays: delays} = host;
		this.#host = host;
		this.#incidents = new Incidents({
			session,
			waiting: state.waiting,
			writer,
			clock,
			log,
			deliver: (incident) => this.#deliver(incident),
		});
		this.#sent = new SentMessages({
			records: state.sent,
			clock,
			delays,
			onAck: (message, ack) => {
				this.#onAck(message, ack);
			},
		});
	}

	/** Reports what waited, then everything as it happens. */
	open(): void {
		this.#incidents.open();
		this.#sent.resume();
	}

	/** From now on what happens waits, and no acknowledgement comes. */
	close(): void {
		this.#incidents.close();
		this.#sent.pause();
	}

	/** Sends once per client message id: a repeat gives the first receipt. @throws {EngineError} */
	async send(message: OutboundMessage, key: string): Promise<SendReceipt> {
		const {chatId} = message;
		const id = messageId(true, chatId, key);
		const nowMs = this.#host.clock.now();
		const earlier = this.#sent.find(id);
		if (earlier !== undefined && earlier.reaches !== ACK.ERROR) {
			return {id, timestamp: earlier.timestamp};
		}
		const reaction = admit(message, this.#host.state, nowMs);
		const sent = {
			id,
			chatId,
			timestamp: toSeconds(nowMs),
			ack: ACK.PENDING,
			reaches: REACHES[reaction],
		};
		await this.#record(sent);
		this.#reportSent(message, key, sent);
		if (reaction === 'restricts') {
			this.#host.restrict(nowMs + RESTRICTION_MS);
			throw accountRestricted(this.#host.state, nowMs);
		}
		this.#noteChat(chatId);
		return {id, timestamp: sent.timestamp};
	}

	/** A contact writes. @throws {EngineError} its number is not on WhatsApp, or blocked */
	async receive(message: SimulatedMessage): Promise<{messageId: string}> {
		const from = contactId(message.from);
		requireReachable(from);
		const key = this.#newKey();
		const {type = 'text', text = type === 'text' ? 'Hi there!' : ''} = message;
		await this.#incidents.add({kind: 'message', key, from, type, text, atMs: this.#host.clock.now()});
		return {messageId: messageId(false, from, key)};
	}

	/** @throws {NotFoundError} no such message among the latest */
	async acknowledge(id: string, ack: number): Promise<void> {
		if (!isAck(ack)) {
			throw new ValidationError('ack must be one of -1, 0, 1, 2, 3 and 4');
		}
		const message = this.#sent.find(id);
		if (message === undefined) {
			throw new NotFoundError(`This session sent no message ${id} lately`);
		}
		await this.#incidents.add({kind: 'ack', messageId: message.id, ack});
	}

	/** @param target the full id of a message of either side */
	async react(target: string, from: string, text: string): Promise<void> {
		if (!/^(true|false)_[^_]+_./.test(target)) {
			throw new ValidationError('messageId must be a full id: true_<chatId>_<key> or false_<chatId>_<key>');
		}
		const atMs = this.#host.clock.now();
		const chatId = contactId(from);
		await this.#incidents.add({kind: 'reaction', key: this.#newKey(), from: chatId, messageId: target, text, atMs});
	}

	/** What was sent must be known after a restart: its acknowledgements are still to come. */
	async #record(sent: SentMessage): Promise<void> {
		this.#sent.add(sent);
		try {
			await this.#host.writer.save();
		} catch (error) {
			this.#sent.remove(sent);
			throw error;
		}
	}

	#reportSent({chatId, content, replyTo}: OutboundMessage, key: string, sent: SentMessage): void {
		const facts = {key, chatId, timestamp: sent.timestamp, body: content.text};
		void this.#host.report(['message.any'], ownMessage(facts, this.#quote(replyTo)));
		this.#texts.add(key, {fromMe: true, chatId, body: content.text});
		this.#sent.follow(sent);
	}

	/** NOWEB, too, drops the quote of a message that it does not know any more. */
	#quote(replyTo: string | undefined): Quote | undefined {
		const key = replyTo === undefined ? undefined : keyOf(replyTo);
		const text = key === undefined ? undefined : this.#texts.find(key);
		const me = this.#host.state.account?.id;
		if (key === undefined || text === undefined || me === undefined) {
			return undefined;
		}
		return {key, participant: text.fromMe ? me : text.chatId, body: text.body};
	}

	#deliver(incident: Incident): Promise<void> {
		switch (incident.kind) {
			case 'message':
				return this.#deliverMessage(incident);
			case 'reaction':
				return this.#host.report(['message.reaction'], reactionOf(incident));
			case 'ack': {
				const message = this.#sent.find(incident.messageId);
				if (message === undefined) {
					return Promise.resolve();
				}
				this.#sent.advance(message, incident.ack);
				return this.#reportAck(message, incident.ack);
			}
		}
	}

	#deliverMessage(incident: Incident & {kind: 'message'}): Promise<void> {
		const {key, from, text} = incident;
		this.#noteChat(from);
		this.#texts.add(key, {fromMe: false, chatId: from, body: text});
		// NOWEB reports what comes in under both names, and as one event: the id is the same.
		return this.#host.report(['message', 'message.any'], messageOf(incident, this.#host));
	}

	#onAck(message: SentMessage, ack: Ack): void {
		void this.#reportAck(message, ack);
		const text = this.#texts.find(keyOf(message.id));
		if (ack === ACK.READ && text !== undefined && this.#host.echo.has(message.chatId)) {
			const atMs = this.#host.clock.now();
			const answer = {key: this.#newKey(), from: message.chatId, text: text.body, atMs};
			void this.#deliver({kind: 'message', type: 'text', ...answer});
		}
	}

	#reportAck(message: SentMessage, ack: Ack): Promise<void> {
		this.#host.writer.saveLater();
		return this.#host.report([MESSAGE_ACK_EVENT], messageAck(message.id, message.chatId, ack));
	}

	#noteChat(chatId: string): void {
		const {chats} = this.#host.state;
		if (!chats.includes(chatId)) {
			chats.push(chatId);
			chats.splice(0, chats.length - MAX_CHATS);
			this.#host.writer.saveLater();
		}
	}

	/** As phones make them: `3A` and 18 hex digits. */
	#newKey(): string {
		return `3A${toHex(this.#host.keys.next(), 18)}`;
	}
}

/** WhatsApp's own key in a full id; anything else is a key already. */
function keyOf(id: string): string {
	return id.split('_')[2] ?? id;
}

function toSeconds(ms: number): number {
	return Math.floor(ms / 1000);
}
