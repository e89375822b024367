import {deliveryId} from '../../domain/webhooks/delivery.ts';
import {medianOf} from '../support/median-of.ts';
import type {Evidence} from './evidence.ts';
import type {KillWindow} from './kill-windows.ts';
import type {Arrival, Ledger} from './ledger.ts';
import type {Order} from './order.ts';
import type {Recovery} from './recoveries.ts';
import type {Repeats} from './repeats.ts';
import type {ReplayCount} from './replays.ts';
import type {EndpointKind} from './tenants.ts';

/** How many examples a finding names. */
const EXAMPLES = 5;
/** From an answer to its record it takes 30 ms by the timers (docs/delivery.md), 10 to 30 measured; ten times that, 110 to 170. */
const WINDOW_MS = 80;
/** Fewer kills say nothing about the window. */
const JUDGED_KILLS = 3;
/** Attempts of a webhook that are under way at most, in two processes. */
const REPLAYS_IN_FLIGHT = 20;
/** A page of the log. */
const EVENTS = 1000;

/** What the stores say. */
export interface StoresCheck {
	readonly findings: readonly string[];
	/** Of each tenant: the numbers of the events in the log, in its order. */
	readonly logs: readonly (readonly number[])[];
}

/** The log has every event once and in one row of numbers, and nothing was given up. */
export async function checkStores({deployment, traffic}: Evidence): Promise<StoresCheck> {
	await using resources = new AsyncDisposableStack();
	const {eventStore, connectionStore, deadLetterStore} = await deployment.openStores(resources);
	const findings: string[] = [];
	const logs: (readonly number[])[] = [];
	for (const [number, {connection}] of deployment.tenants.entries()) {
		const {userId} = (await connectionStore.find(connection.id)) ?? {userId: ''};
		const logged: number[] = [];
		let seq = 0;
		for (;;) {
			const page = await eventStore.listAfter(userId, seq, EVENTS);
			if (page.length === 0) break;
			const isWhole = page.every((event, index) => event.seq === seq + index + 1);
			if (!isWhole) findings.push(`the log of tenant ${number} has a hole or a repeat after ${seq}`);
			for (const {event, body} of page) {
				if (event === 'message') logged.push((JSON.parse(body) as {payload: {n: number}}).payload.n);
			}
			seq = page.at(-1)?.seq ?? seq;
		}
		const accepted = traffic.posts.filter((post) => post.tenant === number && post.acceptedAtMs !== undefined);
		const inLog = new Set(logged);
		const absent = accepted.filter(({n}) => !inLog.has(n));
		if (absent.length > 0) findings.push(`${absent.length} events of tenant ${number} are not in the log`);
		if (inLog.size < logged.length) findings.push(`${logged.length - inLog.size} events are twice in the log`);
		logs.push(logged);
	}
	for (const {queue, reason} of await deadLetterStore.list(EXAMPLES))
		findings.push(`dead letter of ${queue}: ${reason}`);
	return {findings, logs};
}

/** Nothing overtook what it had to wait for. */
export function checkOrder({overtakings}: Order): readonly string[] {
	return overtakings
		.filter(({because}) => because === undefined)
		.map(({webhook, n, by}) => `${webhook}/${n} arrived after ${by}, which comes later in the log`);
}

/** Every replay ended, and brought all that it had to bring. @param struck how often something struck after which an arrival may come again */
export function checkReplays({jobs, events, repeats, missing}: ReplayCount, struck: number): readonly string[] {
	const findings = jobs
		.filter(({state, total, done, failed}) => state !== 'done' || total !== events || done !== events || failed !== 0)
		.map((job) => `a replay of ${events} events ended so: ${JSON.stringify(job)}`);
	if (jobs.length === 0) findings.push('there was no replay');
	if (missing > 0) findings.push(`${missing} events arrived less often than they were replayed`);
	if (repeats > struck * REPLAYS_IN_FLIGHT) findings.push(`${repeats} replayed events arrived once more`);
	return findings;
}

/** Signatures and ids of everything that arrived. */
export function checkArrivals({deployment: {tenants}, traffic, ledger}: Evidence): readonly string[] {
	const {arrivals} = ledger();
	const findings: string[] = [];
	const refused = traffic.posts.filter(({acceptedAtMs}) => acceptedAtMs === undefined).length;
	if (refused > 0) findings.push(`${refused} events were never accepted`);
	const unsigned = arrivals.filter(({isSigned}) => !isSigned).length;
	if (unsigned > 0) findings.push(`${unsigned} arrivals had a wrong signature`);
	const eventIds = new Map<number, string>();
	for (const {webhook, n, eventId, deliveryId: id} of arrivals) {
		const [kind, tenant] = webhook.split('/');
		const webhookId = tenants[Number(tenant)]?.webhooks[kind as EndpointKind] ?? '';
		if (id !== deliveryId(eventId, webhookId)) findings.push(`${webhook}/${n} came with the delivery id ${id}`);
		if ((eventIds.get(n) ?? eventId) !== eventId) findings.push(`event ${n} came with a second id, ${eventId}`);
		eventIds.set(n, eventId);
	}
	if (new Set(eventIds.values()).size < eventIds.size) findings.push('two events share an id');
	return findings;
}

export function checkRepeats({byFault, unexplained}: Repeats, ledger: Ledger): readonly string[] {
	const findings = byFault
		.filter(({repeats, inFlight}) => repeats > inFlight)
		.map(({fault, repeats, inFlight}) => `${fault.name}: ${repeats} repeats, but only ${inFlight} in flight`);
	if (unexplained.length > 0) {
		const examples = unexplained.slice(0, EXAMPLES).map((arrival) => historyOf(arrival, ledger));
		findings.push(`${unexplained.length} repeats that no fault explains:`, ...examples);
	}
	return findings;
}

/**
 * What a kill makes come twice had been answered a moment before. How long that may be depends on the machine, which a single kill may meet
 * at a bad time: of kills at which nothing was behind, it is the median that counts.
 */
export function checkWindows(windows: readonly KillWindow[]): readonly string[] {
	const findings = windows
		.filter(({longestMs}) => longestMs === Infinity)
		.map(({fault, repeats}) => `${fault.name}: ${repeats} repeats of what it had no part in`);
	const prompt = windows.filter(({isPrompt}) => isPrompt).map(({longestMs}) => longestMs);
	const medianMs = medianOf(prompt);
	if (prompt.length >= JUDGED_KILLS && medianMs > WINDOW_MS) {
		findings.push(
			`what was repeated had been answered up to ${Math.round(medianMs)} ms before the kill (the median of kills)`,
		);
	}
	return findings;
}

/** What happened to a delivery, and around it. */
function historyOf({webhook, n}: Arrival, {posts, arrivals, faults}: Ledger): string {
	const startMs = posts[0]?.postedAtMs ?? 0;
	const at = (ms: number | undefined): string =>
		ms === undefined ? 'never' : `${((ms - startMs) / 1000).toFixed(2)} s`;
	const post = posts[n];
	const steps = [
		{atMs: post?.postedAtMs ?? 0, what: `posted, accepted at ${at(post?.acceptedAtMs)}`},
		...arrivals
			.filter((arrival) => arrival.webhook === webhook && arrival.n === n)
			.map(({atMs, attempt, end, endedAtMs}) => ({
				atMs,
				what: `attempt ${attempt}, ${end ?? 'open'} at ${at(endedAtMs)}`,
			})),
		...faults.map(({fromMs, toMs, name}) => ({atMs: fromMs, what: `(${name} until ${at(toMs)})`})),
	].toSorted((a, b) => a.atMs - b.atMs);
	const first = steps.findIndex(({what}) => what.startsWith('posted'));
	return `  ${webhook}/${n}: ${steps
		.slice(Math.max(0, first - 2))
		.map(({atMs, what}) => `${at(atMs)} ${what}`)
		.join('; ')}`;
}

export function checkRecoveries(found: readonly Recovery[], {options: {resumeWithinMs}}: Evidence): readonly string[] {
	return found
		.filter(({fault, resumedMs}) => fault.name === 'RabbitMQ away' && resumedMs > resumeWithinMs)
		.map(({resumedMs}) => `deliveries went on only ${Math.round(resumedMs)} ms after RabbitMQ was back`);
}
