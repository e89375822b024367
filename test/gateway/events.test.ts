import {randomUUID} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {createGatewayHarness, createLinkedConnection, type Tenant} from '../support/gateway-harness.ts';
import {sampleEvent} from '../support/samples.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

interface EventView {
	readonly id: string;
	readonly event: string;
	readonly connectionId: string | null;
	readonly payload: unknown;
}

interface Page {
	readonly ids: readonly string[];
	/** Path and query of the next page. */
	readonly next: string;
	readonly events: readonly EventView[];
}

async function pull({client}: Tenant, path: string): Promise<Page> {
	const response = await client.fetch('GET', path);
	const events = (await response.json()) as EventView[];
	if (!response.ok) throw new Error(`${path} answered ${response.status}: ${JSON.stringify(events)}`);
	const link = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1] ?? '';
	return {ids: events.map(({id}) => id), next: link.slice(`${gateway.publicUrl}/api`.length), events};
}

async function log({user}: Tenant, count: number, changes: Partial<NewLoggedEvent> = {}): Promise<readonly string[]> {
	const events = Array.from({length: count}, () => sampleEvent({userId: user.id, ...changes}));
	await gateway.stores.eventStore.append(events);
	return events.map(({id}) => id);
}

test('without `after` there is the newest page, and the log goes on behind it; `after=0` begins with the oldest', async (t) => {
	const tenant = await gateway.createTenant();
	const ids = await log(tenant, 7);
	const newest = await pull(tenant, '/events?limit=3');
	t.deepEqual(newest.ids, ids.slice(-3));
	const nothing = await pull(tenant, newest.next);
	t.deepEqual(nothing.ids, []);
	const more = await log(tenant, 5);
	const page = await pull(tenant, nothing.next);
	t.deepEqual(page.ids, more.slice(0, 3));
	t.deepEqual((await pull(tenant, page.next)).ids, more.slice(3));

	const seen: string[] = [];
	let path = '/events?after=0&limit=4';
	for (;;) {
		const {ids: some, next} = await pull(tenant, path);
		if (some.length === 0) break;
		seen.push(...some);
		path = next;
	}
	t.deepEqual(seen, [...ids, ...more]);
	t.deepEqual((await pull(tenant, `/events?after=${ids[4]}`)).ids, [...ids.slice(5), ...more]);
});

test('a log without any event can be followed from its first one', async (t) => {
	const tenant = await gateway.createTenant();
	const {ids, next} = await pull(tenant, '/events');
	t.deepEqual(ids, []);
	const logged = await log(tenant, 2);
	t.deepEqual((await pull(tenant, next)).ids, logged);
});

test('one connection or one name is followed without looking twice at the rest', async (t) => {
	const tenant = await gateway.createTenant();
	const connectionId = randomUUID();
	const [first] = await log(tenant, 1, {connectionId});
	const others = await log(tenant, 20);
	const page = await pull(tenant, `/events?after=0&connectionId=${connectionId}`);
	t.deepEqual(page.ids, [first]);
	t.true(page.next.includes(`after=${others.at(-1) ?? 'none'}`));
	t.true(page.next.includes(`connectionId=${connectionId}`));
	const [ack] = await log(tenant, 1, {connectionId, event: 'message.ack'});
	t.deepEqual((await pull(tenant, page.next)).ids, [ack]);
	t.deepEqual((await pull(tenant, '/events?event=message.ack')).ids, [ack]);
	t.deepEqual((await pull(tenant, `/events?connectionId=${connectionId}&event=message`)).ids, [first]);
	t.deepEqual((await pull(tenant, `/events?connectionId=${randomUUID()}`)).ids, []);
});

test('somebody else’s events are nobody’s: neither listed nor gone on after', async (t) => {
	const [tenant, stranger] = [await gateway.createTenant(), await gateway.createTenant()];
	const [foreign] = await log(stranger, 1);
	t.deepEqual((await pull(tenant, '/events?after=0')).ids, []);
	for (const after of [foreign ?? '', 'evt_00000000000000000000000000', 'nonsense']) {
		const response = await tenant.client.fetch('GET', `/events?after=${after}`);
		t.is(response.status, 410);
		t.like(await response.json(), {code: 'EVENT_EXPIRED'});
	}
});

test('a token for certain connections pulls their events and no others, and may not ask for others', async (t) => {
	const owner = await gateway.createTenant();
	const [mine, other] = [randomUUID(), randomUUID()];
	const tenant = await gateway.addToken(owner, {connectionIds: [mine]});
	const [allowed] = await log(owner, 1, {connectionId: mine});
	const [refused] = await log(owner, 1, {connectionId: other});
	const [ofUser] = await log(owner, 1, {connectionId: null});
	t.deepEqual((await pull(tenant, '/events?after=0')).ids, [allowed]);
	t.deepEqual((await pull(tenant, `/events?connectionId=${mine}`)).ids, [allowed]);
	t.is((await tenant.client.fetch('GET', `/events?connectionId=${other}`)).status, 403);
	t.is((await tenant.client.fetch('GET', `/events/${allowed}`)).status, 200);
	for (const id of [refused, ofUser]) t.is((await tenant.client.fetch('GET', `/events/${id}`)).status, 403);
});

test('an event is shown as it is sent everywhere', async (t) => {
	const tenant = await gateway.createTenant();
	const [id] = await log(tenant, 1);
	const event = await gateway.stores.eventStore.find(id ?? '');
	t.deepEqual(await tenant.client.call('GET', `/events/${id}`), JSON.parse(event?.body ?? '') as unknown);
});

test('who waits gets an event as soon as there is one, by way of broker and log', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const first = await pull(tenant, `/events?connectionId=${id}&event=message&after=0&limit=1`);
	t.deepEqual(first.ids, []);
	let path = `${first.next}&wait=20`;
	for (const text of ['one', 'two', 'three']) {
		const pulling = pull(tenant, path);
		await sleep(200);
		const sentAtMs = performance.now();
		await tenant.client.call('POST', `/simulator/connections/${id}/message-from`, {from: '15550110000', text});
		const {events, next} = await pulling;
		const tookMs = performance.now() - sentAtMs;
		t.is((events[0]?.payload as {body?: string} | undefined)?.body, text);
		t.is(events.length, 1);
		t.true(tookMs < 2000, `${tookMs} ms`);
		path = next;
	}
});

test('who waits for what does not come gets an empty page at the end of the time, and goes on from there', async (t) => {
	const tenant = await gateway.createTenant();
	const started = performance.now();
	const pulling = pull(tenant, '/events?event=message.ack&wait=2');
	await sleep(300);
	const others = await log(tenant, 3);
	const page = await pulling;
	const tookMs = performance.now() - started;
	t.deepEqual(page.ids, []);
	t.true(tookMs >= 1900 && tookMs < 4000, `${tookMs} ms`);
	t.true(page.next.includes(`after=${others.at(-1) ?? 'none'}`));
});

test('`wait` has a limit', async (t) => {
	const {client} = await gateway.createTenant();
	const response = await client.fetch('GET', '/events?wait=26');
	t.is(response.status, 400);
	t.like(await response.json(), {message: 'wait must be a whole number from 0 to 25'});
});
