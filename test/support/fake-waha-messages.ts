import {randomBytes} from 'node:crypto';

/** The engines whose shapes the fake speaks. */
export type FakeEngine = 'GOWS' | 'NOWEB' | 'WEBJS';

/** The body of `POST /api/sendText`, as little checked as WAHA checks it. */
export interface FakeSendText {
	readonly session: string;
	readonly chatId: string;
	readonly text: string;
	readonly reply_to?: string;
	readonly id?: string;
}

/** A text that was sent, in the shapes of one engine: the answer to the call, and the events that follow. */
export class FakeSentMessage {
	readonly #engine: FakeEngine;
	readonly #me: string;
	readonly #chatId: string;
	readonly #key: string;
	readonly #request: FakeSendText;
	readonly #timestamp = Math.floor(Date.now() / 1000);

	constructor({engine, me, request}: {engine: FakeEngine; me: string; request: FakeSendText}) {
		this.#engine = engine;
		this.#me = me;
		this.#request = request;
		this.#chatId = request.chatId.includes('@') ? request.chatId : `${request.chatId}@c.us`;
		const ownKey = `3EB0${randomBytes(10).toString('hex').toUpperCase()}`;
		this.#key = engine === 'WEBJS' ? ownKey : (request.id ?? ownKey);
	}

	get id(): string {
		return ['true', this.#chatId, this.#key, ...(this.#isGroup ? [this.#me] : [])].join('_');
	}

	/** What the call answers. */
	get answer(): object {
		switch (this.#engine) {
			case 'NOWEB':
				return {...this.#baileysMessage, messageTimestamp: String(this.#timestamp), status: 'PENDING'};
			case 'GOWS':
				return {id: this.id, _data: this.#whatsmeowMessage};
			case 'WEBJS':
				return {...this.#webjsMessage, _data: this.#webjsData};
		}
	}

	/** The payload of `message.any`. */
	get payload(): object {
		const ack = this.#engine === 'GOWS' ? 1 : 0;
		return {...this.#message, ack, ackName: ACK_NAMES[ack]};
	}

	/** The payload of `message.ack`; WEBJS repeats the whole message in it. */
	ack(ack: number): object {
		if (this.#engine === 'WEBJS') {
			return {...this.#message, ack, ackName: ACK_NAMES[ack]};
		}
		const chat = {id: this.id, from: this.#chatId, fromMe: true, ack, ackName: ACK_NAMES[ack]};
		return this.#engine === 'GOWS' ? {...chat, to: null, participant: null} : chat;
	}

	get #isGroup(): boolean {
		return this.#chatId.endsWith('@g.us');
	}

	/** The form of the engines' own servers. */
	get #jid(): string {
		return this.#chatId.replace('@c.us', '@s.whatsapp.net');
	}

	get #message(): object {
		const isWebjs = this.#engine === 'WEBJS';
		return {
			id: this.id,
			timestamp: this.#timestamp,
			from: isWebjs ? this.#me : this.#chatId,
			fromMe: true,
			source: 'api',
			body: this.#request.text,
			...(this.#engine === 'GOWS' && {to: this.#isGroup ? this.#me : null}),
			...(isWebjs && {to: this.#chatId}),
			...(this.#isGroup && {participant: this.#me}),
			hasMedia: false,
			media: null,
			location: null,
			vCards: isWebjs ? [] : null,
			replyTo: this.#replyTo,
			_data: this.#data,
		};
	}

	/** On all engines it names the quoted message by its bare key. */
	get #replyTo(): object | null {
		const quoted = this.#request.reply_to;
		return quoted === undefined ? null : {id: quoted.split('_')[2] ?? quoted, body: '', _data: {}};
	}

	get #data(): object {
		switch (this.#engine) {
			case 'NOWEB':
				return {...this.#baileysMessage, messageTimestamp: this.#timestamp, status: 1};
			case 'GOWS':
				return this.#whatsmeowMessage;
			case 'WEBJS':
				return this.#webjsData;
		}
	}

	get #baileysMessage(): object {
		const participant = this.#isGroup ? {participant: this.#me.replace('@c.us', '@s.whatsapp.net')} : {};
		return {
			key: {remoteJid: this.#jid, fromMe: true, id: this.#key, ...participant},
			message: {extendedTextMessage: {text: this.#request.text}},
		};
	}

	get #whatsmeowMessage(): object {
		return {
			Info: {
				ID: this.#key,
				Chat: this.#jid,
				IsFromMe: true,
				IsGroup: this.#isGroup,
				Timestamp: new Date(this.#timestamp * 1000).toISOString().replace('.000Z', 'Z'),
			},
			Message: {conversation: this.#request.text},
		};
	}

	get #webjsId(): object {
		return {
			fromMe: true,
			remote: this.#chatId,
			id: this.#key,
			...(this.#isGroup && {participant: this.#me}),
			_serialized: this.id,
		};
	}

	get #webjsData(): object {
		return {id: this.#webjsId, t: this.#timestamp, ack: 0, type: 'chat', body: this.#request.text};
	}

	get #webjsMessage(): object {
		return {
			id: this.#webjsId,
			ack: 0,
			hasMedia: false,
			body: this.#request.text,
			type: 'chat',
			timestamp: this.#timestamp,
			from: this.#me,
			to: this.#chatId,
			fromMe: true,
		};
	}
}

const ACK_NAMES = ['PENDING', 'SERVER', 'DEVICE', 'READ', 'PLAYED'];
