import {messageKeyOf} from '../../domain/messaging/message-id.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import {ACK, type Ack} from './ack.ts';
import type {SentMessage} from './session-state.ts';

/** How many messages stay known after their last acknowledgement came. */
const MAX_FINISHED = 200;

/** How long after the one before an acknowledgement comes, in milliseconds. */
export interface AckDelays {
	readonly serverMs: number;
	readonly deviceMs: number;
	readonly readMs: number;
}

/** The messages of one session that still get acknowledgements, and the latest of the others. */
export class SentMessages {
	readonly #records: SentMessage[];
	readonly #clock: Clock;
	readonly #delays: AckDelays;
	readonly #onAck: (message: SentMessage, ack: Ack) => void;
	readonly #timers = new Map<SentMessage, Disposable>();
	#open = false;

	/** @param records oldest first; changed in place */
	constructor(options: {
		records: SentMessage[];
		clock: Clock;
		delays: AckDelays;
		onAck: (message: SentMessage, ack: Ack) => void;
	}) {
		this.#records = options.records;
		this.#clock = options.clock;
		this.#delays = options.delays;
		this.#onAck = options.onAck;
	}

	/** @param id the full id, or WhatsApp's own key alone */
	find(id: string): SentMessage | undefined {
		const key = `_${messageKeyOf(id)}`;
		return this.#records.findLast((record) => record.id.endsWith(key) || record.id.includes(`${key}_`));
	}

	/** Its acknowledgements come after `follow`. */
	add(message: SentMessage): void {
		this.#records.push(message);
		this.#prune();
	}

	remove(message: SentMessage): void {
		const index = this.#records.lastIndexOf(message);
		if (index !== -1) {
			this.#records.splice(index, 1);
		}
	}

	/** Lets the next acknowledgement come in its time; while paused, after `resume`. */
	follow(message: SentMessage): void {
		const ack = nextAck(message);
		if (!this.#open || ack === undefined || this.#timers.has(message)) {
			return;
		}
		const timer = this.#clock.after(this.#delayOf(ack), () => {
			this.#timers.delete(message);
			this.advance(message, ack);
			this.#onAck(message, ack);
		});
		this.#timers.set(message, timer);
	}

	/** Notes an acknowledgement: the highest stays, and an error counts only before delivery. */
	advance(message: SentMessage, ack: Ack): void {
		if (ack === ACK.ERROR ? message.ack < ACK.DEVICE : message.ack >= 0) {
			message.ack = ack === ACK.ERROR ? ack : maximum(message.ack, ack);
		}
		this.#timers.get(message)?.[Symbol.dispose]();
		this.#timers.delete(message);
		this.follow(message);
	}

	resume(): void {
		this.#open = true;
		for (const record of this.#records) this.follow(record);
	}

	pause(): void {
		this.#open = false;
		for (const timer of this.#timers.values()) timer[Symbol.dispose]();
		this.#timers.clear();
	}

	#delayOf(ack: Ack): number {
		const {serverMs, deviceMs, readMs} = this.#delays;
		return ack === ACK.READ ? readMs : ack === ACK.DEVICE ? deviceMs : serverMs;
	}

	#prune(): void {
		const finished = this.#records.filter((record) => nextAck(record) === undefined);
		const oldest = new Set(finished.slice(0, Math.max(0, finished.length - MAX_FINISHED)));
		if (oldest.size > 0) {
			this.#records.splice(0, Infinity, ...this.#records.filter((record) => !oldest.has(record)));
		}
	}
}

function nextAck({ack, reaches}: SentMessage): Ack | undefined {
	if (ack === ACK.ERROR || ack >= reaches) {
		return reaches === ACK.ERROR && ack === ACK.PENDING ? ACK.ERROR : undefined;
	}
	return (ack + 1) as Ack;
}

function maximum(left: Ack, right: Ack): Ack {
	return left > right ? left : right;
}
