import {randomBytes} from 'node:crypto';
import {
	fieldsOfContent,
	protocolMessageOf,
	webjsTypeOf,
	type FakeContent,
	type FakeEngine,
} from './fake-waha-content.ts';

export interface FakeMessageOptions {
	readonly engine: FakeEngine;
	/** The id of the linked account. */
	readonly me: string;
	/** A bare number is a person's. */
	readonly chatId: string;
	/** Null for a message of our own. */
	readonly sender: string | null;
	readonly content: FakeContent;
	/** The id that was asked for; WEBJS does not care. */
	readonly key?: string | undefined;
	readonly replyTo?: string | undefined;
	/** Unix seconds. Default now. */
	readonly timestamp?: number | undefined;
}

/** One message in the shapes of one engine: as its events and lists have it, and as its calls answer it. */
export class FakeMessage {
	readonly chatId: string;
	readonly key: string;
	readonly timestamp: number;
	readonly sender: string | null;
	readonly replyTo: string | undefined;
	content: FakeContent;
	/** Where its file is, while there is one. */
	mediaUrl: string | null = null;
	ack: number;
	readonly #engine: FakeEngine;
	readonly #me: string;

	constructor({engine, me, chatId, sender, content, key, replyTo, timestamp}: FakeMessageOptions) {
		this.#engine = engine;
		this.#me = me;
		this.chatId = chatId.includes('@') ? chatId : `${chatId}@c.us`;
		this.sender = sender;
		this.content = content;
		this.replyTo = replyTo;
		this.timestamp = timestamp ?? Math.floor(Date.now() / 1000);
		this.key = (engine === 'WEBJS' ? undefined : key) ?? newKey();
		this.ack = sender !== null ? 2 : engine === 'GOWS' ? 1 : 0;
	}

	get fromMe(): boolean {
		return this.sender === null;
	}

	get id(): string {
		return [String(this.fromMe), this.chatId, this.key, ...(this.#isGroup ? [this.#author] : [])].join('_');
	}

	/** What a call that sent it answers. */
	get answer(): object {
		switch (this.#engine) {
			case 'NOWEB':
				return this.content.kind === 'poll'
					? this.payload
					: {...this.#baileysMessage, messageTimestamp: String(this.timestamp), status: 'PENDING'};
			case 'GOWS':
				return {id: this.id, _data: this.#whatsmeowMessage};
			case 'WEBJS':
				return {...this.#webjsMessage, _data: this.#webjsData};
		}
	}

	/** A WAMessage: the payload of `message` and `message.any`, and what lists have. */
	get payload(): Readonly<Record<string, unknown>> {
		return {...this.#message, ack: this.ack, ackName: ACK_NAMES[this.ack]};
	}

	/** The payload of `message.ack`; WEBJS repeats the whole message in it. */
	acknowledgement(ack: number): object {
		if (this.#engine === 'WEBJS') {
			return {...this.#message, ack, ackName: ACK_NAMES[ack]};
		}
		const chat = {id: this.id, from: this.chatId, fromMe: true, ack, ackName: ACK_NAMES[ack]};
		return this.#engine === 'GOWS' ? {...chat, to: null, participant: null} : chat;
	}

	get #isGroup(): boolean {
		return this.chatId.endsWith('@g.us');
	}

	get #author(): string {
		return this.sender ?? this.#me;
	}

	get #message(): Readonly<Record<string, unknown>> {
		const isWebjs = this.#engine === 'WEBJS';
		return {
			id: this.id,
			timestamp: this.timestamp,
			from: isWebjs && this.fromMe ? this.#me : this.chatId,
			fromMe: this.fromMe,
			source: this.fromMe ? 'api' : 'app',
			...(this.#engine === 'GOWS' && {to: this.#isGroup ? this.#author : null}),
			...(isWebjs && {to: this.fromMe ? this.chatId : this.#me}),
			...(this.#isGroup && {participant: this.#author}),
			...fieldsOfContent(this.content, this.#engine),
			media: this.#media,
			replyTo: this.#quote,
			_data: this.#data,
		};
	}

	get #media(): object | null {
		if (this.content.kind !== 'file') return null;
		const {filename, mimetype, type} = this.content;
		return {url: this.mediaUrl, filename: type === 'document' ? filename : null, mimetype};
	}

	/** On all engines it names the quoted message by its bare key. */
	get #quote(): object | null {
		return this.replyTo === undefined ? null : {id: this.replyTo.split('_')[2] ?? this.replyTo, body: '', _data: {}};
	}

	get #data(): object {
		switch (this.#engine) {
			case 'NOWEB':
				return {...this.#baileysMessage, messageTimestamp: this.timestamp, status: 1};
			case 'GOWS':
				return this.#whatsmeowMessage;
			case 'WEBJS':
				return this.#webjsData;
		}
	}

	get #baileysMessage(): object {
		const participant = this.#isGroup ? {participant: toJid(this.#author)} : {};
		return {
			key: {remoteJid: toJid(this.chatId), fromMe: this.fromMe, id: this.key, ...participant},
			message: protocolMessageOf(this.content, this.#engine),
		};
	}

	get #whatsmeowMessage(): object {
		return {
			Info: {
				ID: this.key,
				Chat: toJid(this.chatId),
				IsFromMe: this.fromMe,
				IsGroup: this.#isGroup,
				Timestamp: new Date(this.timestamp * 1000).toISOString().replace('.000Z', 'Z'),
			},
			Message: protocolMessageOf(this.content, this.#engine),
		};
	}

	get #webjsId(): object {
		return {
			fromMe: this.fromMe,
			remote: this.chatId,
			id: this.key,
			...(this.#isGroup && {participant: this.#author}),
			_serialized: this.id,
		};
	}

	get #webjsData(): object {
		const {body} = fieldsOfContent(this.content, this.#engine);
		return {id: this.#webjsId, t: this.timestamp, ack: this.ack, type: webjsTypeOf(this.content), body};
	}

	get #webjsMessage(): object {
		const {body, hasMedia} = fieldsOfContent(this.content, this.#engine);
		return {
			id: this.#webjsId,
			ack: this.ack,
			hasMedia,
			body: body ?? '',
			type: webjsTypeOf(this.content),
			timestamp: this.timestamp,
			from: this.fromMe ? this.#me : this.chatId,
			to: this.fromMe ? this.chatId : this.#me,
			fromMe: this.fromMe,
		};
	}
}

const ACK_NAMES = ['PENDING', 'SERVER', 'DEVICE', 'READ', 'PLAYED'];

/** In WhatsApp's own form. */
export function newKey(): string {
	return `3EB0${randomBytes(10).toString('hex').toUpperCase()}`;
}

/** The form of the engines' own servers. */
export function toJid(id: string): string {
	return id.replace('@c.us', '@s.whatsapp.net');
}
