import {NotFoundError, ValidationError} from '../../domain/errors.ts';
import {readMessageId, requireMessageId} from '../../domain/messaging/message-id.ts';
import {fileOf} from '../../domain/messaging/outbound.ts';
import type {SimulatedMessage} from '../../domain/ports/simulator-control.ts';
import {ACK, isAck, type Ack} from './ack.ts';
import {requireReachable} from './admission.ts';
import {
	newPhoneKey,
	noteChat,
	ownParticipant,
	remember,
	reportChange,
	toSeconds,
	viewOf,
	type ConversationHost,
} from './conversation-host.ts';
import {incomingContent, incomingFile, typeOf} from './incoming-files.ts';
import {Incidents} from './incidents.ts';
import {ackChange, reactionChange} from './noweb/changes.ts';
import {firstAck, messageId, messagePayload} from './noweb/message.ts';
import {contactId, groupId} from './people.ts';
import type {SentMessages} from './sent-messages.ts';
import type {Incident, SentMessage} from './session-state.ts';
import {bodyOf, type StoredMessage} from './stored-message.ts';

/** What contacts do: write, react, acknowledge. It waits while the session cannot be told. */
export class Incoming {
	readonly #host: ConversationHost;
	readonly #sent: SentMessages;
	readonly #incidents: Incidents;

	constructor({host, sent}: {host: ConversationHost; sent: SentMessages}) {
		this.#host = host;
		this.#sent = sent;
		const {state, stateWriter: writer} = host.storage;
		const deliver = (incident: Incident): Promise<void> => this.#deliver(incident);
		this.#incidents = new Incidents({...host, waiting: state.waiting, writer, deliver});
	}

	/** Reports what waited, then everything as it happens. */
	open(): void {
		this.#incidents.open();
	}

	/** From now on what happens waits. */
	close(): void {
		this.#incidents.close();
	}

	/** A contact writes. @throws {EngineError} its number is not on WhatsApp, or blocked */
	async receive(message: SimulatedMessage): Promise<{messageId: string}> {
		const from = contactId(message.from);
		const group = message.group === undefined ? undefined : groupId(message.group);
		requireReachable(from);
		const key = newPhoneKey(this.#host);
		const type = typeOf(message);
		const file = await incomingFile(message, key, this.#host);
		const {text = type === 'text' ? 'Hi there!' : ''} = message;
		const incident: Incident & {kind: 'message'} = {
			kind: 'message',
			key,
			from,
			...(group !== undefined && {group}),
			type,
			text,
			...(file !== undefined && {file}),
			atMs: this.#host.clock.now(),
		};
		await this.#incidents.add(incident);
		return {messageId: messageId(storedMessage(incident))};
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
		requireMessageId(target);
		const key = newPhoneKey(this.#host);
		const atMs = this.#host.clock.now();
		await this.#incidents.add({kind: 'reaction', key, from: contactId(from), messageId: target, text, atMs});
	}

	/** An acknowledgement came by itself. */
	onAck(message: SentMessage, ack: Ack): void {
		void this.#reportAck(message, ack);
		const body = bodyOf(this.#remembered(message)?.content ?? null);
		if (ack === ACK.READ && body !== null && this.#host.echo.has(message.chatId)) {
			const answer = {key: newPhoneKey(this.#host), from: message.chatId, text: body, atMs: this.#host.clock.now()};
			void this.#deliver({kind: 'message', type: 'text', ...answer});
		}
	}

	#deliver(incident: Incident): Promise<void> {
		switch (incident.kind) {
			case 'message':
				return this.#deliverMessage(incident);
			case 'reaction':
				return this.#deliverReaction(incident);
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
		const message = storedMessage(incident);
		if (message.participant === null) {
			noteChat(this.#host, message.chatId);
		}
		remember(this.#host, message);
		const file = message.content === null ? undefined : fileOf(message.content);
		const mediaUrl = file === undefined ? null : this.#host.files.serve(message.key, file);
		// NOWEB reports what comes in under both names, and as one event: the id is the same.
		return this.#host.report(
			['message', 'message.any'],
			messagePayload(message, viewOf(this.#host, message, mediaUrl)),
		);
	}

	#deliverReaction({key, from, messageId: target, text, atMs}: Incident & {kind: 'reaction'}): Promise<void> {
		const chatId = readMessageId(target)?.chatId ?? from;
		const isGroup = chatId.endsWith('@g.us');
		const name = {key, fromMe: false, chatId: isGroup ? chatId : from, participant: isGroup ? from : null};
		return reportChange(this.#host, reactionChange({...name, timestamp: toSeconds(atMs)}, target, text));
	}

	#reportAck(message: SentMessage, ack: Ack): Promise<void> {
		const {storage, seed, clock} = this.#host;
		const {chatId} = message;
		const remembered = this.#remembered(message);
		if (remembered !== undefined) {
			remembered.ack = message.ack;
			storage.historyWriter.saveLater();
		}
		storage.stateWriter.saveLater();
		const {key = message.id} = readMessageId(message.id) ?? {};
		const name = {key, fromMe: true, chatId, participant: ownParticipant(this.#host, chatId)};
		return reportChange(this.#host, ackChange(name, ack, {seed, nowMs: clock.now()}));
	}

	#remembered({id}: SentMessage): StoredMessage | undefined {
		const {key = id} = readMessageId(id) ?? {};
		return this.#host.storage.history.find(key);
	}
}

function storedMessage({key, from, group, type, text, file, atMs}: Incident & {kind: 'message'}): StoredMessage {
	const name = {key, fromMe: false, chatId: group ?? from, participant: group === undefined ? null : from};
	return {
		...name,
		timestamp: toSeconds(atMs),
		content: incomingContent(type, text, file),
		ack: firstAck(name),
		quotedKey: null,
		mentions: [],
		isForwarded: false,
	};
}
