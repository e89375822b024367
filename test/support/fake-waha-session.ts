import {createHash, randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import {hashedUlid} from '../../domain/hashing.ts';
import {FakeChats} from './fake-waha-chats.ts';
import type {FakeFiles} from './fake-waha-files.ts';
import type {FakeEngine} from './fake-waha-content.ts';
import type {FakeMessage} from './fake-waha-messages.ts';

/** How long things take, in milliseconds. */
export interface FakeWahaTiming {
	/** From STARTING to the next status. */
	readonly startMs: number;
	/** How long each QR code lives; after the last one the session fails. */
	readonly qrLifetimesMs: readonly number[];
	/** How long a request waits for the status that it needs (WAHA: 5 s + 10 s). */
	readonly waitMs: number;
	/** Between a send and each of its acks. */
	readonly ackMs: number;
}

export interface FakeWebhook {
	readonly url: string;
	readonly events: readonly string[];
	readonly hmac?: {readonly key?: string} | null;
	readonly retries?: {readonly policy?: string; readonly delaySeconds?: number; readonly attempts?: number} | null;
	readonly customHeaders?: readonly {readonly name: string; readonly value: string}[] | null;
}

export interface FakeSessionConfig {
	readonly webhooks?: readonly FakeWebhook[];
	readonly metadata?: Readonly<Record<string, string>>;
	readonly [other: string]: unknown;
}

/** A webhook body. */
export type FakeEnvelope = Readonly<Record<string, unknown>>;

/** The life of one session as WAHA runs it: STOPPED → STARTING → SCAN_QR_CODE → (scan) → STARTING → WORKING. */
export class FakeWahaSession {
	readonly name: string;
	config: FakeSessionConfig | null;
	readonly engine: FakeEngine;
	readonly chats = new FakeChats();
	/** The chats in which the account is shown as typing. */
	readonly typingIn = new Set<string>();
	readonly #timing: FakeWahaTiming;
	readonly #report: (session: FakeWahaSession, envelope: FakeEnvelope) => void;
	#status: SessionStatus = 'STOPPED';
	#statuses: {status: SessionStatus; timestamp: number}[] = [];
	#linked = false;
	#qr = '';
	#timer: NodeJS.Timeout | undefined;
	#lastEventMs = 0;

	constructor(options: {
		name: string;
		config: FakeSessionConfig | null;
		engine: FakeEngine;
		timing: FakeWahaTiming;
		report: (session: FakeWahaSession, envelope: FakeEnvelope) => void;
	}) {
		this.name = options.name;
		this.config = options.config;
		this.engine = options.engine;
		this.#timing = options.timing;
		this.#report = options.report;
	}

	get status(): SessionStatus {
		return this.#status;
	}

	/** What the phone scans. */
	get qr(): string {
		return this.#qr;
	}

	/** What can be typed instead; it goes with the QR code. */
	get pairingCode(): string {
		const letters = createHash('sha256').update(this.#qr).digest('hex').toUpperCase();
		return `${letters.slice(0, 4)}-${letters.slice(4, 8)}`;
	}

	get isRunning(): boolean {
		return this.#status !== 'STOPPED';
	}

	/** Credentials outlive a stop. */
	get me(): Readonly<Record<string, string>> | null {
		if (!this.#linked) {
			return null;
		}
		const me = {id: '79222222222@c.us', pushName: 'WAHA', lid: '172078351257794@lid'};
		return this.engine === 'GOWS' ? {...me, jid: '79222222222:12@s.whatsapp.net'} : me;
	}

	get info(): object {
		const {name, status, config, me} = this;
		return {name, status, config, me, presence: 'offline', timestamps: {activity: null}, assignedWorker: 'waha-1'};
	}

	/** Does nothing for a session that runs, a failed one included. */
	start(): void {
		if (this.isRunning) {
			return;
		}
		this.#become('STARTING');
		this.#after(this.#timing.startMs, () => {
			if (this.#linked) {
				this.#become('WORKING');
			} else {
				this.#showQr(0);
			}
		});
	}

	stop(): void {
		clearTimeout(this.#timer);
		if (this.isRunning) {
			this.#become('STOPPED');
		}
	}

	restart(): void {
		this.stop();
		this.start();
	}

	/** Unlinks; a session that runs goes on with a new QR code. */
	logout(): void {
		const wasRunning = this.isRunning;
		this.stop();
		this.#linked = false;
		if (wasRunning) {
			this.start();
		}
	}

	/** The phone scans the QR code on screen. */
	scan(): void {
		if (this.#status !== 'SCAN_QR_CODE') {
			throw new Error(`${this.name} shows no QR code: it is ${this.#status}`);
		}
		this.#linked = true;
		this.#become('STARTING');
		this.#after(this.#timing.startMs, () => {
			this.#become('WORKING');
		});
	}

	/** It gives up, as after a log-out from the phone. */
	fail(): void {
		clearTimeout(this.#timer);
		this.#become('FAILED');
	}

	/** True once it has the status; false after WAHA's patience. */
	async waitFor(status: SessionStatus): Promise<boolean> {
		const end = Date.now() + this.#timing.waitMs;
		while (this.#status !== status) {
			if (Date.now() >= end) return false;
			await sleep(5);
		}
		return true;
	}

	/** Files it, with its media. */
	keep(message: FakeMessage, files: FakeFiles): void {
		this.download(message, files);
		this.chats.add(message);
	}

	/** Puts the file of a message where it can be fetched. */
	download(message: FakeMessage, files: FakeFiles): void {
		const {content, key, id} = message;
		if (content.kind !== 'file') return;
		message.mediaUrl = files.put(this.name, this.engine === 'WEBJS' ? id : key, content.mimetype, content.bytes);
	}

	/** Reports an event; its time is later than that of the one before. */
	report(event: string, payload: object): void {
		this.#emit(event, payload, this.#newStamp());
	}

	/** Reports a message that came in, as such and as any: with one and the same id on NOWEB and GOWS. */
	reportIncoming(payload: object): void {
		const stamp = this.#newStamp();
		this.#emit('message', payload, stamp);
		this.#emit('message.any', payload, this.engine === 'WEBJS' ? this.#newStamp() : stamp);
	}

	#newStamp(): {readonly id: string; readonly timestamp: number} {
		const timestamp = Math.max(Date.now(), this.#lastEventMs + 1);
		this.#lastEventMs = timestamp;
		return {id: `evt_${hashedUlid(timestamp, randomBytes(32)).toLowerCase()}`, timestamp};
	}

	#emit(event: string, payload: object, stamp: {readonly id: string; readonly timestamp: number}): void {
		this.#report(this, {
			...stamp,
			event,
			session: this.name,
			...(this.config?.metadata !== undefined && {metadata: this.config.metadata}),
			me: this.isRunning ? this.me : null,
			payload,
			engine: this.engine,
			environment: environmentOf(this.engine),
		});
	}

	#showQr(count: number): void {
		const lifetimeMs = this.#timing.qrLifetimesMs[count];
		if (lifetimeMs === undefined) {
			this.#become('FAILED');
			return;
		}
		this.#qr = `2@${randomBytes(96).toString('base64')},${randomBytes(32).toString('base64')}`;
		this.#become('SCAN_QR_CODE');
		this.#after(lifetimeMs, () => {
			this.#showQr(count + 1);
		});
	}

	#become(status: SessionStatus): void {
		this.#status = status;
		this.#statuses = [...this.#statuses, {status, timestamp: Date.now()}].slice(-3);
		this.report('session.status', {name: this.name, status, statuses: this.#statuses, data: null});
	}

	/** One thing at a time is due: the status that follows. */
	#after(delayMs: number, callback: () => void): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(callback, delayMs).unref();
	}
}

/** What WAHA says of itself. */
export function environmentOf(engine: FakeEngine): object {
	return {
		version: '2026.7.1',
		engine,
		tier: 'CORE',
		browser: engine === 'WEBJS' ? '/usr/bin/chromium' : null,
		platform: 'linux/x64',
		worker: {id: 'waha-1'},
	};
}
