/** What one connection was used for on one day (UTC). */
export interface DayUsage {
	/** How long a phone was connected. */
	readonly connectedMs: number;
	/** All messages: those that came, and those that went out, from the phone itself too. */
	readonly messages: number;
	readonly received: number;
}

/** What a connection was used for, day by day, as far as its events were counted. */
export interface ConnectionUsage {
	/** The connection's id. */
	readonly id: string;
	readonly userId: string;
	/** The last event that is counted, by its place in the log: nothing is counted twice. */
	readonly seq: number;
	/** Since when a phone has been connected, after that event; what came since is in no day yet. */
	readonly connectedSinceMs: number | null;
	/** By date, `2026-03-27`. */
	readonly days: Readonly<Record<string, DayUsage>>;
}

/** Something that counts. */
export type UsageEvent = {readonly seq: number; readonly atMs: number} &
	/** Every message, whichever way it went. */
	(
		| {readonly kind: 'message'}
		/** One that came, once more. */
		| {readonly kind: 'received'}
		| {readonly kind: 'status'; readonly isConnected: boolean}
		/** Its session is stopped; it may be told late. */
		| {readonly kind: 'suspended'}
	);

const DAY_MS = 24 * 60 * 60_000;

/** Older days are forgotten. */
const MAX_DAYS = 800;

const NOTHING: DayUsage = {connectedMs: 0, messages: 0, received: 0};

/** Of a connection of which nothing was counted yet. */
export function newUsage(id: string, userId: string): ConnectionUsage {
	return {id, userId, seq: 0, connectedSinceMs: null, days: {}};
}

/**
 * With everything counted that comes after what is counted already.
 * @param events in the order of the log
 * @param seq up to which place of the log they are all there are
 */
export function withEvents(usage: ConnectionUsage, events: readonly UsageEvent[], seq: number): ConnectionUsage {
	const days = {...usage.days};
	let since = usage.connectedSinceMs;
	for (const event of events) {
		if (event.seq <= usage.seq) continue;
		switch (event.kind) {
			case 'message':
				add(days, dateOf(event.atMs), {messages: 1});
				break;
			case 'received':
				add(days, dateOf(event.atMs), {received: 1});
				break;
			case 'status':
				if (since !== null) addTime(days, since, event.atMs);
				since = event.isConnected ? Math.max(event.atMs, since ?? 0) : null;
				break;
			case 'suspended':
				if (since === null || since > event.atMs) break;
				addTime(days, since, event.atMs);
				since = null;
		}
	}
	return {...usage, seq: Math.max(seq, usage.seq), connectedSinceMs: since, days: withoutOld(days)};
}

/** The days of a usage, with the time since the last event, which ends at `untilMs`. */
export function daysUntil(
	{days, connectedSinceMs}: ConnectionUsage,
	untilMs: number,
): Readonly<Record<string, DayUsage>> {
	if (connectedSinceMs === null) {
		return days;
	}
	const all = {...days};
	addTime(all, connectedSinceMs, untilMs);
	return all;
}

/** `2026-03-27`, in UTC. */
export function dateOf(atMs: number): string {
	return new Date(atMs).toISOString().slice(0, 10);
}

/** A stretch of time, a part for each day that it touches; nothing when it ends before it begins. */
function addTime(days: Record<string, DayUsage>, fromMs: number, untilMs: number): void {
	for (let startMs = fromMs; startMs < untilMs;) {
		const endMs = Math.min(untilMs, (Math.floor(startMs / DAY_MS) + 1) * DAY_MS);
		add(days, dateOf(startMs), {connectedMs: endMs - startMs});
		startMs = endMs;
	}
}

function add(days: Record<string, DayUsage>, date: string, more: Partial<DayUsage>): void {
	const day = days[date] ?? NOTHING;
	days[date] = {
		connectedMs: day.connectedMs + (more.connectedMs ?? 0),
		messages: day.messages + (more.messages ?? 0),
		received: day.received + (more.received ?? 0),
	};
}

function withoutOld(days: Readonly<Record<string, DayUsage>>): Readonly<Record<string, DayUsage>> {
	const dates = Object.keys(days);
	return dates.length <= MAX_DAYS ? days : Object.fromEntries(Object.entries(days).sort().slice(-MAX_DAYS));
}
