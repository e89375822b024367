import type {Clock} from '../../domain/ports/clock.ts';

/** What finds no room comes back after this at the earliest … */
const SHORTEST_WAIT_MS = 5000;
/** … and after this at the latest. */
const LONGEST_WAIT_MS = 30 * 60_000;

/** What was sent away and did not come back so long after its time is not waited for. */
const LATE_MS = 60_000;

/** Deliveries that were sent away are remembered up to this number; the order of others is not kept … */
const MAX_AWAY = 10_000;
/** … and those that are late, as what another process works on now, make room for others, looked for so often at most. */
const SWEEP_INTERVAL_MS = 10_000;

/** Between two deliveries that leave, as long as nobody knows; and the weight of the newest in the smoothed one. */
const FIRST_GUESS_MS = 20;
const INTERVAL_WEIGHT = 0.1;

/** What one webhook has in the room. */
interface Share {
	inside: number;
	leftAtMs: number | undefined;
	intervalMs: number;
	/** When the delivery that was sent away last comes back. */
	lastSlotMs: number;
}

/** Where a delivery belongs. */
export interface Seat {
	readonly webhookId: string;
	readonly chatId: string;
	readonly deliveryId: string;
}

/**
 * The room that a partition's prefetch gives to deliveries in hand. A webhook takes as many places as it leaves free: one that hangs gets
 * half, nine of them a tenth each, and there is always room for another. The rest is sent away for as long as those before it need; a
 * chat that has something away sends all away that comes later, so that its order stays.
 */
export class PartitionRoom {
	readonly #clock: Clock;
	readonly #capacity: number;
	readonly #shares = new Map<string, Share>();
	/** By webhook and chat: what is away, first come first, and when it is due. */
	readonly #away = new Map<string, Map<string, number>>();
	#inside = 0;
	#awayCount = 0;
	#sweptAtMs = -Infinity;

	/** @param options.capacity the prefetch */
	constructor({clock, capacity}: {clock: Clock; capacity: number}) {
		this.#clock = clock;
		this.#capacity = capacity;
	}

	/** Takes a place, to be given back by `leave`; or says when to come again. */
	enter(seat: Seat): undefined | {readonly untilMs: number} {
		const share = this.#shareOf(seat.webhookId);
		const isNext = this.#isNext(seat);
		if (!isNext || share.inside >= this.#capacity - this.#inside) {
			return {untilMs: this.#sendAway(seat, share)};
		}
		this.#forget(seat);
		share.inside++;
		this.#inside++;
		return undefined;
	}

	leave({webhookId}: Pick<Seat, 'webhookId'>): void {
		const share = this.#shareOf(webhookId);
		const nowMs = this.#clock.now();
		this.#inside--;
		share.inside--;
		if (share.leftAtMs !== undefined) {
			share.intervalMs += (nowMs - share.leftAtMs - share.intervalMs) * INTERVAL_WEIGHT;
		}
		// Pauses in which there was nothing to do say nothing about its pace.
		share.leftAtMs = share.inside === 0 ? undefined : nowMs;
		if (share.inside === 0 && share.lastSlotMs < nowMs) {
			this.#shares.delete(webhookId);
		}
	}

	#shareOf(webhookId: string): Share {
		let share = this.#shares.get(webhookId);
		if (share === undefined) {
			share = {inside: 0, leftAtMs: undefined, intervalMs: FIRST_GUESS_MS, lastSlotMs: 0};
			this.#shares.set(webhookId, share);
		}
		return share;
	}

	/** Nothing of its chat that came before it is away. */
	#isNext(seat: Seat): boolean {
		const away = this.#away.get(keyOf(seat));
		if (away === undefined) {
			return true;
		}
		const lateMs = this.#clock.now() - LATE_MS;
		for (const [deliveryId, dueAtMs] of away) {
			if (deliveryId === seat.deliveryId) return true;
			if (dueAtMs > lateMs) return false;
			this.#forget({...seat, deliveryId});
		}
		return true;
	}

	/** It keeps its place among those of its chat. */
	#sendAway(seat: Seat, share: Share): number {
		const nowMs = this.#clock.now();
		const slotMs = Math.max(nowMs + SHORTEST_WAIT_MS, share.lastSlotMs + share.intervalMs);
		share.lastSlotMs = Math.min(slotMs, nowMs + LONGEST_WAIT_MS);
		const untilMs = Math.round(share.lastSlotMs);
		if (this.#awayCount >= MAX_AWAY) this.#sweep(nowMs);
		const key = keyOf(seat);
		const away = this.#away.get(key) ?? new Map<string, number>();
		if (away.has(seat.deliveryId) || this.#awayCount < MAX_AWAY) {
			if (!away.has(seat.deliveryId)) this.#awayCount++;
			away.set(seat.deliveryId, untilMs);
			this.#away.set(key, away);
		}
		return untilMs;
	}

	/** Forgets what is late, and the pace of webhooks that have nothing here. */
	#sweep(nowMs: number): void {
		if (nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
		this.#sweptAtMs = nowMs;
		for (const [key, away] of this.#away) {
			for (const [deliveryId, dueAtMs] of away) {
				if (dueAtMs > nowMs - LATE_MS) continue;
				away.delete(deliveryId);
				this.#awayCount--;
			}
			if (away.size === 0) this.#away.delete(key);
		}
		for (const [webhookId, share] of this.#shares) {
			if (share.inside === 0 && share.lastSlotMs < nowMs) this.#shares.delete(webhookId);
		}
	}

	#forget(seat: Seat): void {
		const key = keyOf(seat);
		const away = this.#away.get(key);
		if (away?.delete(seat.deliveryId) !== true) return;
		this.#awayCount--;
		if (away.size === 0) this.#away.delete(key);
	}
}

function keyOf({webhookId, chatId}: Seat): string {
	return `${webhookId}/${chatId}`;
}
