import type {Arrival, Fault, Ledger, Post} from './ledger.ts';
import type {Repeat} from './repeats.ts';

/** Before a kill, a deployment that keeps up brings every event to its plain endpoint this soon … */
const PROMPT_MS = 100;
/** … of all that were posted in this time before it, but for the last moments. */
const LOOKED_AT_MS = {from: 1200, to: 200};

/** What a kill made come twice, and how long before it that had been answered with success. */
export interface KillWindow {
	readonly fault: Fault;
	readonly repeats: number;
	/** From an answer to the kill, the longest; 0 = the kill came first. Infinity = the killed process had nothing to do with it. */
	readonly longestMs: number;
	/** Nothing was behind when it struck, so that every outcome was about to be recorded. */
	readonly isPrompt: boolean;
}

/** Of the kills after which something came twice that nothing but kills explains. */
export function killWindows(repeats: readonly Repeat[], ledger: Ledger): readonly KillWindow[] {
	const gaps = repeats
		.filter(({causes}) => causes.every(({ended}) => ended !== undefined))
		.map(({causes, before}) => closest(causes, before, ledger.posts[before.n]));
	return [...Map.groupBy(gaps, ({fault}) => fault)].map(([fault, ofFault]) => ({
		fault,
		repeats: ofFault.length,
		longestMs: Math.max(...ofFault.map(({ms}) => ms)),
		isPrompt: isPrompt(fault, ledger),
	}));
}

/** Of several kills, the one that came soonest after the answer is to blame. */
function closest(kills: readonly Fault[], before: Arrival, post: Post | undefined): {fault: Fault; ms: number} {
	return kills
		.map((fault) => ({fault, ms: gapMs(fault, before, post)}))
		.reduce((best, next) => (next.ms < best.ms ? next : best));
}

function gapMs({fromMs, ended}: Fault, {atMs, endedAtMs = fromMs}: Arrival, post: Post | undefined): number {
	if (ended?.acceptsEvents === true && (post?.acceptedAtMs ?? Infinity) >= fromMs) {
		// The engine posts it again.
		return 0;
	}
	// A request may reach its endpoint a moment after the death of its sender.
	return ended?.makesAttempts === true ? Math.max(0, fromMs - endedAtMs, atMs - fromMs) : Infinity;
}

function isPrompt({fromMs}: Fault, {posts, arrivals}: Ledger): boolean {
	const looked = posts.filter(
		({postedAtMs}) => postedAtMs >= fromMs - LOOKED_AT_MS.from && postedAtMs <= fromMs - LOOKED_AT_MS.to,
	);
	return (
		looked.length > 0 &&
		looked.every(({n, postedAtMs}) =>
			arrivals.some(
				(arrival) => arrival.n === n && arrival.webhook.startsWith('plain/') && arrival.atMs <= postedAtMs + PROMPT_MS,
			),
		)
	);
}
