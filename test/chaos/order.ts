import type {Arrival, Fault, Ledger, Post} from './ledger.ts';

/** So long a delivery may hold its chat (docs/delivery.md). */
const HOLD_MS = 5 * 60_000;

/** With fewer ordered deliveries under way than these, each of them finds room in its partition (half of its 400 places). */
const ROOM = 200;

/** An event whose first success came after that of a later one of its chat. */
export interface Overtaking {
	readonly webhook: string;
	readonly n: number;
	/** The later one. */
	readonly by: number;
	/** Why this may be (docs/delivery.md, "Order"); undefined = it may not. */
	readonly because: 'held too long' | 'RabbitMQ restarted' | 'no room, and another dispatcher' | undefined;
}

/** What became of the order that webhooks asked for. */
export interface Order {
	/** First successes that were compared with those before them in their chat. */
	readonly compared: number;
	readonly overtakings: readonly Overtaking[];
}

/** An event of an ordered webhook, from its post to its first success. */
interface Passage {
	readonly post: Post;
	readonly atMs: number;
}

/**
 * Compares the first successes of each chat with the order of the log.
 * @param logs of the tenants: the numbers of their events, in the order of the log
 * @param fromMs since when the order of each tenant's events is kept
 */
export function compareOrder(
	logs: readonly (readonly number[])[],
	{posts, arrivals, faults}: Ledger,
	fromMs: readonly number[],
): Order {
	const ordered = arrivals.filter(({webhook}) => webhook.startsWith('ordered/'));
	const passages = passagesOf(posts, ordered);
	const around = {passages: [...passages.values()], faults};
	let compared = 0;
	const overtakings: Overtaking[] = [];
	for (const [tenant, log] of logs.entries()) {
		const ofTenant = log
			.flatMap((n) => passages.get(n) ?? [])
			.filter(({post}) => post.postedAtMs >= (fromMs[tenant] ?? Infinity));
		for (const chat of Map.groupBy(ofTenant, ({post}) => post.chat).values()) {
			compared += chat.length;
			let latest: Passage | undefined;
			for (const passage of chat) {
				if (latest !== undefined && passage.atMs < latest.atMs) {
					const because = excuse(latest, passage, around);
					overtakings.push({webhook: `ordered/${tenant}`, n: latest.post.n, by: passage.post.n, because});
				} else {
					latest = passage;
				}
			}
		}
	}
	return {compared, overtakings};
}

/** By the number of the event; those that never succeeded are not there. */
function passagesOf(posts: readonly Post[], arrivals: readonly Arrival[]): ReadonlyMap<number, Passage> {
	const passages = new Map<number, Passage>();
	for (const {n, atMs, end} of arrivals) {
		const post = posts[n];
		const before = passages.get(n);
		if (end !== 'accepted' || post === undefined || (before !== undefined && before.atMs <= atMs)) continue;
		passages.set(n, {post, atMs});
	}
	return passages;
}

function excuse(
	late: Passage,
	early: Passage,
	{passages, faults}: {passages: readonly Passage[]; faults: readonly Fault[]},
): Overtaking['because'] {
	if (late.atMs - late.post.postedAtMs > HOLD_MS) {
		return 'held too long';
	}
	if (faults.some((fault) => fault.name === 'RabbitMQ away' && (isWithin(fault, late) || isWithin(fault, early)))) {
		return 'RabbitMQ restarted';
	}
	const underWay = passages.filter(({post, atMs}) => post.postedAtMs < early.atMs && atMs > early.atMs).length;
	const isWorkedByAnother = faults.some((fault) => fault.ended?.makesAttempts === true && isWithin(fault, late));
	return underWay >= ROOM && isWorkedByAnother ? 'no room, and another dispatcher' : undefined;
}

/** It struck while the event was under way. */
function isWithin({fromMs, toMs}: Fault, {post, atMs}: Passage): boolean {
	return fromMs <= atMs && toMs >= post.postedAtMs;
}
