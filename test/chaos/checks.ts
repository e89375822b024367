import {deliveryId} from '../../domain/webhooks/delivery.ts';
import type {EndpointKind} from './deployment.ts';
import type {Evidence} from './evidence.ts';
import type {Arrival, Ledger} from './ledger.ts';
import type {Recovery} from './recoveries.ts';
import type {Repeats} from './repeats.ts';

/** How many examples a finding names. */
const EXAMPLES = 5;
/** A page of the log. */
const EVENTS = 1000;

/** The log has every event once and in one row of numbers, and nothing was given up. */
export async function checkStores({deployment, traffic}: Evidence): Promise<readonly string[]> {
	await using resources = new AsyncDisposableStack();
	const {eventStore, connectionStore, deadLetterStore} = await deployment.openStores(resources);
	const findings: string[] = [];
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
	}
	for (const {queue, reason} of await deadLetterStore.list(EXAMPLES))
		findings.push(`dead letter of ${queue}: ${reason}`);
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
