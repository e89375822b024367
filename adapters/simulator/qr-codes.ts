import {toBuffer} from 'qrcode';
import type {Clock} from '../../domain/ports/clock.ts';
import type {QrCode} from '../../domain/ports/whatsapp-engine.ts';
import {toBase64, type Seed} from './seed.ts';

/** WhatsApp's own: the first code lives 60 s, each of the next five 20 s, then it gives up. */
const FIRST_CODE_MS = 60_000;
const NEXT_CODE_MS = 20_000;
const MAX_CODES = 6;

interface Listener {
	/** A new code is on screen. */
	readonly onCode: () => void;
	/** The last code has expired. */
	readonly onExhausted: () => void;
}

/** The codes that one attempt to link shows, one after the other. */
export class QrCodes implements Disposable {
	readonly #clock: Clock;
	readonly #seed: Seed;
	readonly #listener: Listener;
	#shown = 0;
	#code: {readonly value: string; readonly expiresAtMs: number; png?: Promise<Buffer>} | undefined;
	#timer: Disposable | undefined;

	/** Shows the first code at once, which `onCode` does not hear of. */
	constructor({clock, seed, ...listener}: {clock: Clock; seed: Seed} & Listener) {
		this.#clock = clock;
		this.#seed = seed;
		this.#listener = listener;
		this.#show(FIRST_CODE_MS);
	}

	/** The code on screen; undefined when there is none any more. */
	async current(): Promise<QrCode | undefined> {
		const code = this.#code;
		if (code === undefined) {
			return undefined;
		}
		code.png ??= toBuffer(code.value, {errorCorrectionLevel: 'L'});
		return {value: code.value, png: await code.png, expiresAt: new Date(code.expiresAtMs)};
	}

	[Symbol.dispose](): void {
		this.#timer?.[Symbol.dispose]();
		this.#code = undefined;
	}

	#show(lifeMs: number): void {
		this.#shown++;
		this.#code = {value: qrValue(this.#seed), expiresAtMs: this.#clock.now() + lifeMs};
		this.#timer = this.#clock.after(lifeMs, () => {
			this.#next();
		});
	}

	#next(): void {
		if (this.#shown === MAX_CODES) {
			this.#code = undefined;
			this.#listener.onExhausted();
			return;
		}
		this.#show(NEXT_CODE_MS);
		this.#listener.onCode();
	}
}

/** In WhatsApp's form: `2@` and a reference, which is new in each code, then the device's three keys. */
function qrValue(seed: Seed): string {
	const reference = toBase64(Buffer.concat([seed.next(), seed.next(), seed.next()]), 96);
	const keys = ['noise key', 'identity key', 'secret'].map((name) => toBase64(seed.of(name), 32));
	return [`2@${reference}`, ...keys, '1'].join(',');
}
