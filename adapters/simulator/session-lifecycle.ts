import {EngineError} from '../../domain/errors.ts';
import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {QrCode} from '../../domain/ports/whatsapp-engine.ts';
import type {StatusChange} from './noweb/envelope.ts';
import {pairingCode} from './pairing-code.ts';
import {QrCodes} from './qr-codes.ts';
import type {Seed} from './seed.ts';

interface LifecycleOptions {
	readonly clock: Clock;
	/** QR codes and pairing codes are drawn from it. */
	readonly codes: Seed;
	/** How long STARTING lasts, in milliseconds. */
	readonly startMs: number;
	readonly isLinked: () => boolean;
	/** Hears of every status after it was entered, and of each new QR code. */
	readonly onStatus: (status: SessionStatus) => void;
}

/** A session's way through WAHA's statuses, and what belongs to each: the timer of STARTING, the codes of SCAN_QR_CODE. */
export class SessionLifecycle {
	readonly #options: LifecycleOptions;
	#status: SessionStatus = 'STOPPED';
	#changes: readonly StatusChange[];
	#starting: Disposable | undefined;
	#qr: QrCodes | undefined;

	constructor(options: LifecycleOptions) {
		this.#options = options;
		this.#changes = [{status: 'STOPPED', timestamp: options.clock.now()}];
	}

	get status(): SessionStatus {
		return this.#status;
	}

	/** The latest three, the present one last. */
	get changes(): readonly StatusChange[] {
		return this.#changes;
	}

	/** The code on screen. @throws {EngineError} SESSION_STARTING, QR_NOT_READY when there is none */
	async qr(): Promise<QrCode> {
		const code = await this.#qr?.current();
		if (code === undefined) {
			throw this.#status === 'STARTING' ? starting() : this.#noCode();
		}
		return code;
	}

	/** @throws {EngineError} as `qr`; RECIPIENT_INVALID for a number that cannot be */
	pairingCode(phone: string): string {
		if (this.#status === 'STARTING') {
			throw starting();
		}
		this.requireCode();
		return pairingCode(this.#options.codes, phone);
	}

	/** @throws {EngineError} QR_NOT_READY while no code is on screen */
	requireCode(): void {
		if (this.#status !== 'SCAN_QR_CODE') {
			throw this.#noCode();
		}
	}

	/** @throws {EngineError} SESSION_STARTING, SESSION_NOT_CONNECTED */
	requireWorking(): void {
		if (this.#status === 'STARTING') {
			throw starting();
		}
		if (this.#status !== 'WORKING') {
			throw this.notConnected();
		}
	}

	/** For whoever finds that something is missing which only a connected session has. */
	notConnected(): EngineError {
		return new EngineError('SESSION_NOT_CONNECTED', `The session is not connected to WhatsApp: it is ${this.#status}`);
	}

	/** Goes to a status and stays there until told otherwise: STARTING, too, lasts until `proceed`. */
	enter(status: SessionStatus): void {
		this.halt();
		this.#status = status;
		this.announce();
	}

	/** Goes on from STARTING after its time: to WORKING when linked, else to SCAN_QR_CODE and, unscanned, to FAILED. */
	proceed(): void {
		const {clock, startMs, isLinked} = this.#options;
		this.#starting ??= clock.after(startMs, () => {
			if (isLinked()) {
				this.enter('WORKING');
			} else {
				this.#showCodes();
			}
		});
	}

	/** Says the present status once more, as a change of its own. */
	announce(): void {
		this.#changes = [...this.#changes, {status: this.#status, timestamp: this.#options.clock.now()}].slice(-3);
		this.#options.onStatus(this.#status);
	}

	/** Nothing happens by itself any more. */
	halt(): void {
		this.#starting?.[Symbol.dispose]();
		this.#starting = undefined;
		this.#qr?.[Symbol.dispose]();
		this.#qr = undefined;
	}

	#noCode(): EngineError {
		return new EngineError('QR_NOT_READY', `The session shows no QR code: it is ${this.#status}`);
	}

	#showCodes(): void {
		this.enter('SCAN_QR_CODE');
		this.#qr = new QrCodes({
			clock: this.#options.clock,
			seed: this.#options.codes,
			onCode: () => {
				this.announce();
			},
			onExhausted: () => {
				this.enter('FAILED');
			},
		});
	}
}

function starting(): EngineError {
	return new EngineError('SESSION_STARTING', 'The session is starting: try again in a second', {retryAfterMs: 1000});
}
