import {toBuffer} from 'qrcode';
import type {Account} from '../../domain/connections/connection.ts';
import {EngineError} from '../../domain/errors.ts';
import type {OutboundMessage, SendReceipt} from '../../domain/messaging/outbound.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {
	CapabilityTable,
	EngineLink,
	EngineMessages,
	EngineSession,
	EngineSessions,
	QrCode,
	WhatsAppEngine,
} from '../../domain/ports/whatsapp-engine.ts';
import {WahaClient, type WahaDeadlines} from './waha-client.ts';
import {engineError} from './waha-failure.ts';
import {
	capabilitiesOf,
	extractSendResult,
	takesMessageIds,
	toLinkedAccount,
	type WahaEngineName,
} from './waha-mapper.ts';
import {WahaSessions} from './waha-sessions.ts';

/** Pixels: phones read it from a screen at any usual zoom. */
const QR_WIDTH = 400;

/** What is needed to talk to one WAHA. */
export interface WahaSettings {
	/** Of the server: `/api` and `/ping` lie below it. */
	readonly baseUrl: string;
	readonly apiKey: string;
	/** What the server runs (its `WHATSAPP_DEFAULT_ENGINE`). Default GOWS. */
	readonly engine?: WahaEngineName;
	readonly clock: Clock;
	readonly deadlines?: Partial<WahaDeadlines>;
}

/** One WAHA server, 2026.7.1 or newer. Disposing it closes idle connections. */
export class WahaEngine implements WhatsAppEngine, Disposable {
	readonly sessions: EngineSessions;
	readonly link: EngineLink = {qr: (session) => this.#qr(session)};
	readonly messages: EngineMessages = {
		send: (session, message, clientMessageId, signal) => this.#send(session, message, clientMessageId, signal),
	};
	readonly #client: WahaClient;
	readonly #engine: WahaEngineName;
	readonly #clock: Clock;

	constructor({engine = 'GOWS', clock, ...server}: WahaSettings) {
		this.#client = new WahaClient(server);
		this.#engine = engine;
		this.#clock = clock;
		this.sessions = new WahaSessions({client: this.#client});
	}

	/** WAHA answers 404 for a session that is not running, too. */
	async me(session: string): Promise<Account | null> {
		try {
			return toLinkedAccount(await this.#client.read(`api/sessions/${encodeURIComponent(session)}/me`));
		} catch (error) {
			if (!(error instanceof EngineError) || error.code !== 'SESSION_NOT_FOUND') throw error;
			return (await this.#get(session)).me;
		}
	}

	capabilities(): CapabilityTable {
		return capabilitiesOf(this.#engine);
	}

	/** Needs no key and says nothing of WhatsApp: the process is there. */
	async ping(signal: AbortSignal): Promise<void> {
		const answer = await this.#client.read('ping', signal);
		if (typeof answer !== 'object' || answer === null || !('message' in answer) || answer.message !== 'pong') {
			throw engineError('ENGINE_UNAVAILABLE', new Error('what answers at this URL is no WAHA'));
		}
	}

	[Symbol.dispose](): void {
		this.#client[Symbol.dispose]();
	}

	/** Asks for the status first: WAHA holds a request for a code that will not come for 10 to 15 s. */
	async #qr(session: string): Promise<QrCode> {
		const {status} = await this.#get(session);
		if (status !== 'SCAN_QR_CODE') {
			throw engineError(status === 'STARTING' ? 'SESSION_STARTING' : 'QR_NOT_READY');
		}
		const value = await this.#qrValue(session);
		return {value, png: await toBuffer(value, {width: QR_WIDTH})};
	}

	async #qrValue(session: string): Promise<string> {
		try {
			const answer = await this.#client.read(`api/${encodeURIComponent(session)}/auth/qr?format=raw`);
			const value = (answer as {value?: unknown} | undefined)?.value;
			if (typeof value === 'string' && value !== '') return value;
		} catch (error) {
			// It was linked or has failed since.
			if (!(error instanceof EngineError) || error.code !== 'SESSION_NOT_CONNECTED') throw error;
		}
		throw engineError('QR_NOT_READY');
	}

	async #send(
		session: string,
		{chatId, content, replyTo}: OutboundMessage,
		clientMessageId: string,
		signal: AbortSignal,
	): Promise<SendReceipt> {
		const body = {
			session,
			chatId,
			text: content.text,
			linkPreview: true,
			linkPreviewHighQuality: false,
			...(replyTo !== undefined && {reply_to: replyTo}),
			...(takesMessageIds(this.#engine) && {id: clientMessageId}),
		};
		return extractSendResult(await this.#client.send('api/sendText', body, signal), this.#clock.now());
	}

	async #get(session: string): Promise<EngineSession> {
		const found = await this.sessions.find(session);
		if (found === undefined) throw engineError('SESSION_NOT_FOUND');
		return found;
	}
}
