import {createHmac} from 'node:crypto';
import test from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {NewWebhook, OwnedWebhook} from '../../domain/webhooks/webhooks.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {isSigned, WebhookSink, type ReceivedDelivery} from '../support/webhook-sink.ts';

const HOUR = 3_600_000;

interface Setting {
	readonly harness: DispatchHarness;
	readonly sink: WebhookSink;
	readonly connection: Connection;
	readonly owned: OwnedWebhook;
}

async function start(resources: AsyncDisposableStack, options: Partial<NewWebhook> = {}): Promise<Setting> {
	const harness = resources.use(await DispatchHarness.create());
	const sink = resources.use(await WebhookSink.start());
	const connection = await harness.createConnection();
	const owned = await harness.container
		.resolve(TOKENS.webhooks)
		.create(connection, {url: sink.url, events: ['*'], ...options});
	await harness.startRoles('webhook', 'log');
	return {harness, sink, connection, owned};
}

/** Checks one signature of the Standard Webhooks list. */
function isListed({headers, body}: ReceivedDelivery, secret: string): boolean {
	const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
	const signature = `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`;
	return String(headers['webhook-signature']).split(' ').includes(signature);
}

test('custom headers go with every attempt beside ours, as they are at that moment', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, connection, owned} = await start(resources, {
		headers: {Authorization: 'Basic dTpw', 'X-Tenant': 'one two'},
	});
	sink.answer = (_, response) => response.writeHead(500).end();
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => sink.deliveries.length === 1);
	t.like(sink.deliveries[0]?.headers, {
		authorization: 'Basic dTpw',
		'x-tenant': 'one two',
		'content-type': 'application/json',
		'x-wahooks-event': 'message',
		'user-agent': 'WAHooks/1.2.3',
	});
	await harness.container.resolve(TOKENS.webhooks).update(owned.webhook, {headers: {Authorization: 'Basic bmV3'}});
	await harness.until(() => sink.deliveries.length === 2);
	const second = sink.deliveries[1] ?? t.fail('nothing arrived');
	t.is(second.headers.authorization, 'Basic bmV3');
	t.is(second.headers['x-tenant'], undefined);
	t.true(isSigned(second, owned.signingSecret));
});

test('a webhook gets what its names and its filter let pass; of the rest it has no rows', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, connection, owned} = await start(resources, {
		events: ['message.*', 'session.status'],
		filter: {chats: ['15550001111@c.us'], fromMe: false},
	});
	const of = (event: string, payload: unknown): Promise<void> =>
		harness.publisher.event(harness.eventOf(connection, {event, payload}));
	const wanted = {id: 'false_15550001111@c.us_A', fromMe: false};
	await of('message', wanted);
	await of('message.any', {...wanted, id: 'true_15550001111@c.us_B', fromMe: true});
	await of('message.any', {...wanted, id: 'false_15550002222@c.us_C'});
	await of('group.v2.join', {group: {id: '120363@g.us'}});
	await of('message.any', wanted);
	await of('session.status', {status: 'WORKING'});
	const received = await harness.until(() => sink.deliveries.length >= 2 && sink.deliveries);
	await harness.until(() => harness.queued(harness.topology.queues.webhook).length === 0);
	t.deepEqual(received.map(({headers}) => headers['x-wahooks-event']).sort(), ['message.any', 'session.status']);
	const rows = await harness.until(async () => {
		const all = await harness.stores.deliveryStore.listByWebhook(owned.webhook.id, {limit: 10});
		return all.length >= 2 && all;
	});
	t.is(rows.length, 2);
});

test('an attempt ends at the webhook’s own deadline', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, connection, owned} = await start(resources, {timeoutMs: 2000});
	sink.answer = () => undefined;
	await harness.publisher.event(harness.eventOf(connection));
	await harness.until(() => sink.deliveries.length === 1);
	await harness.clock.advance(2000);
	const [row] = await harness.until(async () => {
		const rows = await harness.stores.deliveryStore.listByWebhook(owned.webhook.id, {limit: 1});
		return rows[0]?.attempts === 1 && rows;
	});
	t.like(row, {state: 'waiting', lastError: 'No complete answer within 2000 ms'});
});

test('a webhook has as many attempts under way as it says', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, connection} = await start(resources, {concurrency: 2});
	const open: (() => void)[] = [];
	sink.answer = (_, response) => open.push(() => response.end());
	await Promise.all(Array.from({length: 6}, () => harness.publisher.event(harness.eventOf(connection))));
	for (let count = 2; count <= 6; count++) {
		await harness.until(() => sink.deliveries.length === count);
		await harness.wind(100, 20);
		t.is(sink.deliveries.length, count);
		open.shift()?.();
	}
});

test('a rate holds, evenly: what is too much for a second is parked, uncounted, and follows', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, connection, owned} = await start(resources, {ratePerSecond: 5});
	const arrivals: number[] = [];
	sink.answer = (_, response) => {
		arrivals.push(harness.clock.now());
		response.end();
	};
	await Promise.all(Array.from({length: 25}, () => harness.publisher.event(harness.eventOf(connection))));
	const rows = await harness.until(async () => {
		const all = await harness.stores.deliveryStore.listByWebhook(owned.webhook.id, {limit: 100});
		return all.filter(({state}) => state === 'delivered').length === 25 && all;
	}, 60_000);
	t.true(rows.every(({attempts}) => attempts === 1));
	t.is(arrivals.length, 25);
	for (const [index, atMs] of arrivals.entries()) {
		const within = arrivals.filter((other) => other >= atMs && other < atMs + 1000).length;
		// They arrive some steps of the clock after they began.
		t.true(within <= 8, `${within} within the second after arrival ${index}`);
	}
	const spanMs = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
	t.true(spanMs >= 4800 && spanMs < 20_000, `${spanMs} ms`);
});

test('after a rotation both secrets verify and the single-valued signature is the old one’s, until the overlap ends', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {harness, sink, connection, owned} = await start(resources);
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const rotated = await webhooks.rotateSecret(owned.webhook, 2);
	const next = async (): Promise<ReceivedDelivery> => {
		const seen = sink.deliveries.length;
		await harness.publisher.event(harness.eventOf(connection));
		await harness.until(() => sink.deliveries.length === seen + 1);
		return sink.deliveries[seen] ?? t.fail('nothing arrived');
	};
	const during = await next();
	t.true(isSigned(during, owned.signingSecret));
	t.false(isSigned(during, rotated.signingSecret));
	t.true(isListed(during, owned.signingSecret));
	t.true(isListed(during, rotated.signingSecret));

	await harness.clock.advance(2 * HOUR);
	const later = await next();
	t.true(isSigned(later, rotated.signingSecret));
	t.true(isListed(later, rotated.signingSecret));
	t.false(isListed(later, owned.signingSecret));
});
