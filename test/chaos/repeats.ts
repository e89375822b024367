import type {Arrival, Fault, Ledger, Post} from './ledger.ts';

/**
 * How long a delivery counts as under way after its event was dealt with: its outcome is confirmed within tens of milliseconds
 * (docs/delivery.md) on an idle machine, and later on a busy one.
 */
const RECORDED_WITHIN_MS = 2000;
/** A parked delivery comes this much later, as a message of its own. */
const PARKED_AT_LEAST_MS = 5000;

/** What a fault found under way, and what came twice because of it. */
export interface FaultCount {
	readonly fault: Fault;
	/** Deliveries that were not done when it struck (or began before it was over): each may come once more. */
	readonly inFlight: number;
	readonly repeats: number;
}

export interface Repeats {
	/** Faults after which something may come again. */
	readonly byFault: readonly FaultCount[];
	/** Arrivals that no fault explains. */
	readonly unexplained: readonly Arrival[];
	readonly explained: readonly Repeat[];
}

/** An arrival beyond the first of its delivery. */
export interface Repeat {
	/** The one before it. */
	readonly before: Arrival;
	/** Faults that may have made it come again, in their order. */
	readonly causes: readonly Fault[];
}

/** An arrival, and the time in which a fault could make it come again: from the posting of its event until it was surely recorded. */
interface Exposure {
	readonly arrival: Arrival;
	readonly fromMs: number;
	readonly toMs: number;
}

/**
 * Counts arrivals beyond the first of each delivery, and asks of each which fault explains it: one that struck before the arrival before
 * was done with. An attempt that the endpoint itself refused or dropped is no repeat but the reason for the next one.
 */
export function countRepeats({posts, arrivals, faults}: Ledger): Repeats {
	const repeating = faults.filter((fault) => fault.repeats);
	const counts = new Map(repeating.map((fault) => [fault, {inFlight: 0, repeats: 0}]));
	const unexplained: Arrival[] = [];
	const explained: Repeat[] = [];
	for (const exposures of exposuresByDelivery(posts, arrivals)) {
		for (const [fault, count] of counts) {
			if (exposures.some((exposure) => strikes(fault, exposure))) count.inFlight++;
		}
		for (const [index, {arrival}] of exposures.entries()) {
			const before = exposures[index - 1];
			if (before === undefined) continue;
			const causes = repeating.filter((fault) => fault.fromMs <= arrival.atMs && strikes(fault, before));
			const cause = causes.at(-1);
			const count = cause && counts.get(cause);
			if (count === undefined) {
				unexplained.push(arrival);
				continue;
			}
			count.repeats++;
			explained.push({before: before.arrival, causes});
		}
	}
	const byFault = repeating.map((fault) => ({fault, inFlight: 0, repeats: 0, ...counts.get(fault)}));
	return {byFault, explained, unexplained};
}

function strikes(fault: Fault, {fromMs, toMs}: Exposure): boolean {
	return fault.fromMs <= toMs && fault.toMs >= fromMs;
}

/** The arrivals of each delivery that were the endpoint's to keep, in order. */
function* exposuresByDelivery(posts: readonly Post[], arrivals: readonly Arrival[]): Iterable<readonly Exposure[]> {
	const firsts = Map.groupBy(
		arrivals.filter(({attempt}) => attempt === 1),
		({n}) => n,
	);
	const kept = arrivals.filter(({end}) => end !== 'refused' && end !== 'dropped');
	for (const group of Map.groupBy(kept, ({webhook, n}) => `${webhook}/${n}`).values()) {
		const ordered = group.toSorted((a, b) => a.atMs - b.atMs);
		yield ordered.map((arrival) => ({
			arrival,
			fromMs: posts[arrival.n]?.postedAtMs ?? 0,
			toMs: doneAtMs(arrival, firsts.get(arrival.n) ?? []) + RECORDED_WITHIN_MS,
		}));
	}
}

/** First attempts share the event's message, which is done when the last of them is; those that were parked have their own. */
function doneAtMs(arrival: Arrival, firsts: readonly Arrival[]): number {
	const together =
		arrival.attempt === 1 ? firsts.filter(({atMs}) => Math.abs(atMs - arrival.atMs) < PARKED_AT_LEAST_MS) : [arrival];
	return Math.max(...together.map(({endedAtMs}) => endedAtMs ?? Infinity));
}
