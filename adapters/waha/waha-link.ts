import {toBuffer} from 'qrcode';
import {isEngineError} from '../../domain/engines/is-engine-error.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineLink, EngineSessions, QrCode} from '../../domain/ports/whatsapp-engine.ts';
import {QrLifetimes} from './qr-lifetimes.ts';
import type {WahaClient} from './waha-client.ts';
import {engineError} from './waha-failure.ts';
import {toPairingCode} from './waha-mapper.ts';
import {fieldsOf, readText} from './waha-values.ts';

/** Pixels: phones read it from a screen at any usual zoom. */
const QR_WIDTH = 400;

/** E.164: country code and number, 15 digits at most; the shortest numbers in use have 7. */
const PHONE = /^[1-9]\d{6,14}$/;

/** Linking phones to sessions on one WAHA. Asks for the status first: WAHA holds a request that has to wait for another for 10 to 15 s. */
export class WahaLink implements EngineLink {
	readonly #client: WahaClient;
	readonly #sessions: Pick<EngineSessions, 'find'>;
	readonly #lifetimes: QrLifetimes;

	constructor({client, sessions, clock}: {client: WahaClient; sessions: Pick<EngineSessions, 'find'>; clock: Clock}) {
		this.#client = client;
		this.#sessions = sessions;
		this.#lifetimes = new QrLifetimes({clock});
	}

	async qr(session: string): Promise<QrCode> {
		await this.#requireUnlinked(session);
		const value = await this.#qrValue(session);
		const expiresAt = this.#lifetimes.note(session, value);
		return {value, png: await toBuffer(value, {width: QR_WIDTH}), ...(expiresAt !== undefined && {expiresAt})};
	}

	async requestPairingCode(session: string, phone: string): Promise<string> {
		if (!PHONE.test(phone)) throw engineError('RECIPIENT_INVALID');
		await this.#requireUnlinked(session);
		const path = `api/${encodeURIComponent(session)}/auth/request-code`;
		// Both mean that it was linked, or has failed, since.
		const meanings = {404: 'QR_NOT_READY', 422: 'QR_NOT_READY'} as const;
		const code = toPairingCode(await this.#client.control('POST', path, {phoneNumber: phone}, {meanings}));
		if (code === undefined) throw engineError('ENGINE_UNAVAILABLE', new Error('WAHA answered no pairing code'));
		return code;
	}

	/** @throws {EngineError} SESSION_NOT_FOUND, SESSION_STARTING, QR_NOT_READY */
	async #requireUnlinked(session: string): Promise<void> {
		const found = await this.#sessions.find(session);
		if (found?.status === 'SCAN_QR_CODE') return;
		this.#lifetimes.noteAbsent(session);
		if (found === undefined) throw engineError('SESSION_NOT_FOUND');
		throw engineError(found.status === 'STARTING' ? 'SESSION_STARTING' : 'QR_NOT_READY');
	}

	async #qrValue(session: string): Promise<string> {
		try {
			const answer = await this.#client.read(`api/${encodeURIComponent(session)}/auth/qr?format=raw`);
			const value = readText(fieldsOf(answer)['value']);
			if (value !== undefined) return value;
		} catch (error) {
			// It was linked or has failed since.
			if (!isEngineError(error, 'SESSION_NOT_CONNECTED')) throw error;
		}
		throw engineError('QR_NOT_READY');
	}
}
