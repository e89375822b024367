import test from 'ava';
import type {Outcome} from '../../domain/webhooks/delivery.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';
import {after, sampleEvent, sampleOutcome, T0} from '../support/samples.ts';
import {isSigned, WebhookSink} from '../support/webhook-sink.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

interface WebhookView {
	readonly id: string;
	readonly signingSecret: string;
}

interface DeliveryView {
	readonly id: string;
	readonly status: string;
	readonly run: number;
	readonly attemptCount: number;
	readonly nextAttemptAt: string | null;
	readonly attempts: readonly Readonly<Record<string, unknown>>[];
}

async function createWebhook(
	{client}: Tenant,
	url = 'http://127.0.0.1:9/',
): Promise<WebhookView & {connectionId: string}> {
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const webhook = await client.call<WebhookView>('POST', `/connections/${id}/webhooks`, {url, events: ['none']});
	return {...webhook, connectionId: id};
}

/** A delivery that ended, with its event in the log. */
async function createDelivery(
	{user}: Tenant,
	webhook: {id: string; connectionId: string},
	changes: Partial<Outcome> = {},
): Promise<string> {
	const of = {userId: user.id, connectionId: webhook.connectionId};
	const event = sampleEvent(of);
	await gateway.stores.eventStore.append([event]);
	const {nextAttemptAtMs: _, ...outcome} = sampleOutcome({...of, eventId: event.id, webhookId: webhook.id});
	await gateway.stores.deliveryStore.record([{...outcome, state: 'dead', reason: 'all 1 attempts failed', ...changes}]);
	return outcome.deliveryId;
}

test('deliveries are listed newest first, narrowed by status in both vocabularies, event and time; pages stay narrowed', async (t) => {
	const tenant = await gateway.createTenant();
	const {client, user} = tenant;
	const {id} = await createWebhook(tenant);
	const states = ['queued', 'parked', 'waiting', 'skipped', 'dead', 'delivered'] as const;
	const outcomes = Array.from({length: 12}, (_, index) =>
		sampleOutcome({
			webhookId: id,
			userId: user.id,
			state: states[index % 6] ?? 'queued',
			event: index < 6 ? 'message' : 'message.ack',
			firstAtMs: after(index * 1000).getTime(),
		}),
	);
	await gateway.stores.deliveryStore.record(outcomes);
	const list = async (query: string): Promise<readonly string[]> =>
		(await client.call<DeliveryView[]>('GET', `/webhooks/${id}/deliveries${query}`)).map(({status}) => status);

	t.deepEqual(await list(''), [...states, ...states].toReversed());
	for (const state of states) t.deepEqual(await list(`?status=${state}`), [state, state]);
	t.deepEqual(await list('?status=failed&event=message'), ['dead', 'skipped']);
	t.deepEqual(await list('?status=pending&event=message.ack'), ['waiting', 'parked', 'queued']);
	const [from, to] = [after(2000).toISOString(), after(5000).toISOString()];
	t.deepEqual(await list(`?from=${from}&to=${to}`), ['dead', 'skipped', 'waiting']);

	const first = await client.fetch('GET', `/webhooks/${id}/deliveries?status=pending&from=${from}&limit=2`);
	t.is(((await first.json()) as unknown[]).length, 2);
	const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
	t.true(link.startsWith(`${gateway.publicUrl}/api/webhooks/${id}/deliveries?limit=2&cursor=`));
	const second = await client.fetch('GET', link.slice(`${gateway.publicUrl}/api`.length));
	t.deepEqual(
		((await second.json()) as DeliveryView[]).map(({status}) => status),
		['queued', 'waiting'],
	);
	t.is(second.headers.get('link'), null);

	for (const [query, message] of [
		['status=Pending', 'status must be one of queued, parked, waiting, skipped, dead, delivered, pending, failed'],
		['from=yesterday', 'from must be a time such as 2026-03-27T12:00:00Z'],
		['to=2026-02-30T00:00:00Z', 'to must be a time such as 2026-03-27T12:00:00Z'],
	] as const) {
		const response = await client.fetch('GET', `/webhooks/${id}/deliveries?${query}`);
		t.is(response.status, 400, query);
		t.is(((await response.json()) as ErrorBody).message, message);
	}
});

test('a delivery is shown with all its attempts', async (t) => {
	const tenant = await gateway.createTenant();
	const webhook = await createWebhook(tenant);
	const id = await createDelivery(tenant, webhook, {attempt: 2, atMs: after(6000).getTime()});
	const first = sampleOutcome({deliveryId: id, webhookId: webhook.id, userId: tenant.user.id});
	await gateway.stores.deliveryStore.record([first]);
	const delivery = await tenant.client.call<DeliveryView>('GET', `/deliveries/${id}`);
	t.like(delivery, {
		id,
		webhookId: webhook.id,
		status: 'dead',
		run: 1,
		attemptCount: 2,
		createdAt: T0.toISOString(),
		nextAttemptAt: null,
		lastStatus: 503,
		reason: 'all 1 attempts failed',
	});
	const attempt = {
		run: 1,
		status: 503,
		durationMs: 120,
		errorClass: 'status',
		error: 'answered 503',
		answer: 'busy 👋',
	};
	t.deepEqual(delivery.attempts, [
		{...attempt, number: 1, at: after(150).toISOString(), nextAttemptAt: after(5150).toISOString()},
		{...attempt, number: 2, at: after(6000).toISOString(), nextAttemptAt: null},
	]);
});

test('a dead and a delivered one are delivered once more: the same id and bytes, signed, in a run of their own', async (t) => {
	await using sink = await WebhookSink.start();
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const webhook = await createWebhook(tenant, sink.url);
	const id = await createDelivery(tenant, webhook);
	for (const run of [2, 3]) {
		const startMs = Date.now();
		const queued = await client.call<DeliveryView>('POST', `/deliveries/${id}/retry`);
		t.like(queued, {id, status: 'queued', run, attemptCount: 0, lastStatus: run === 2 ? 503 : 200});
		await eventually(() => sink.deliveries.length === run - 1);
		t.true(Date.now() - startMs < 900, 'the first attempt is made at once');
		await eventually(async () => {
			const {status} = await client.call<DeliveryView>('GET', `/deliveries/${id}`);
			return status === 'delivered';
		});
	}
	const {attempts, eventId} = await client.call<DeliveryView & {eventId: string}>('GET', `/deliveries/${id}`);
	t.deepEqual(
		attempts.map(({run, number, status}) => [run, number, status]),
		[
			[1, 1, 503],
			[2, 1, 200],
			[3, 1, 200],
		],
	);
	const event = await gateway.stores.eventStore.find(eventId);
	for (const received of sink.deliveries) {
		t.is(received.body, event?.body ?? '');
		t.true(isSigned(received, webhook.signingSecret));
		t.like(received.headers, {'x-wahooks-delivery': id, 'x-wahooks-attempt': '1'});
	}
});

test('of many retries at once one starts a run, the others are 409; so is one that is under way', async (t) => {
	await using sink = await WebhookSink.start();
	const tenant = await gateway.createTenant();
	const webhook = await createWebhook(tenant, sink.url);
	const id = await createDelivery(tenant, webhook);
	let answer: () => void = () => undefined;
	sink.answer = (_, response) => {
		answer = () => response.end();
	};
	const retry = (): Promise<Response> => tenant.client.fetch('POST', `/deliveries/${id}/retry`);
	const statuses = (await Promise.all(Array.from({length: 10}, retry))).map(({status}) => status);
	t.deepEqual(statuses.toSorted(), [201, ...Array<number>(9).fill(409)]);
	await eventually(() => sink.deliveries.length === 1);
	const response = await retry();
	t.is(response.status, 409);
	t.like(await response.json(), {
		code: 'CONFLICT',
		message: 'The delivery is still under way: wait until it is delivered, dead or skipped',
	});
	answer();
	await eventually(async () => (await gateway.stores.deliveryStore.find(id))?.state === 'delivered');
	t.is(sink.deliveries.length, 1);
});

test('what cannot be delivered any more says why', async (t) => {
	const tenant = await gateway.createTenant();
	const {client, user} = tenant;
	const webhook = await createWebhook(tenant);
	const retry = async (id: string): Promise<unknown> => (await client.fetch('POST', `/deliveries/${id}/retry`)).json();
	const {deliveryId, ...outcome} = sampleOutcome({webhookId: webhook.id, userId: user.id, state: 'dead'});
	await gateway.stores.deliveryStore.record([{deliveryId, ...outcome}]);
	t.like(await retry(deliveryId), {
		statusCode: 410,
		code: 'EVENT_EXPIRED',
		message: 'The event of this delivery is not in the log any more',
	});
	t.like(await gateway.stores.deliveryStore.find(deliveryId), {state: 'dead', run: 1});

	const id = await createDelivery(tenant, webhook);
	await client.call('PUT', `/webhooks/${webhook.id}`, {active: false});
	t.like(await retry(id), {statusCode: 409, message: 'The webhook of this delivery is inactive: activate it first'});
	await client.call('DELETE', `/webhooks/${webhook.id}`);
	t.like(await retry(id), {statusCode: 409, message: 'The webhook of this delivery was deleted'});
	t.like(await client.call('GET', `/deliveries/${id}`), {id, status: 'dead', run: 1});
});

test('a test event can be sent once more, also to an inactive webhook', async (t) => {
	await using sink = await WebhookSink.start();
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const webhook = await createWebhook(tenant, sink.url);
	await client.call('PUT', `/webhooks/${webhook.id}`, {active: false});
	const {logId} = await client.call<{logId: string}>('POST', `/webhooks/${webhook.id}/test`);
	await eventually(async () => (await gateway.stores.deliveryStore.find(logId))?.state === 'delivered');
	await eventually(async () => (await client.fetch('POST', `/deliveries/${logId}/retry`)).status === 201);
	await eventually(() => sink.deliveries.length === 2);
	t.deepEqual(new Set(sink.deliveries.map(({headers}) => headers['x-wahooks-delivery'])), new Set([logId]));
});

test.serial('a retry while the broker is away is 503; its run is started and waits', async (t) => {
	const tenant = await gateway.createTenant();
	const webhook = await createWebhook(tenant);
	const id = await createDelivery(tenant, webhook);
	gateway.broker.mode = 'away';
	const response = await tenant.client.fetch('POST', `/deliveries/${id}/retry`);
	gateway.broker.mode = 'working';
	t.is(response.status, 503);
	const row = await gateway.stores.deliveryStore.find(id);
	t.like(row, {state: 'queued', run: 2});
	t.truthy(row?.nextAttemptAt, 'the sweeper finds it');
});
