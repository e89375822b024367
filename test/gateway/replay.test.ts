import {randomUUID} from 'node:crypto';
import test from 'ava';
import {ended} from '../../domain/jobs/job.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, type ConnectionView, type Tenant} from '../support/gateway-harness.ts';
import {sampleEvent, sampleJob} from '../support/samples.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

interface JobView {
	readonly id: string;
	readonly state: string;
	readonly total: number | null;
	readonly done: number;
	readonly finishedAt: string | null;
}

interface WebhookView {
	readonly id: string;
	readonly active: boolean;
	readonly createdAt: string;
	readonly replay?: {readonly path: string; readonly from: string; readonly to: string; readonly status: string};
}

const HOUR_MS = 3_600_000;
const FROM_MS = Date.now() - 2 * HOUR_MS;
const RANGE = {from: new Date(FROM_MS).toISOString(), to: new Date(FROM_MS + HOUR_MS).toISOString()};

async function createWebhook(
	{client}: Tenant,
	url = 'http://127.0.0.1:9/',
): Promise<{id: string; connectionId: string}> {
	const {id: connectionId} = await client.call<ConnectionView>('POST', '/connections');
	const body = {url, events: ['message']};
	const {id} = await client.call<WebhookView>('POST', `/connections/${connectionId}/webhooks`, body);
	return {id, connectionId};
}

/** Events of the range that no webhook got. */
async function logMissed({user}: Tenant, connectionId: string, count: number): Promise<readonly string[]> {
	const events = Array.from({length: count}, (_, index) =>
		sampleEvent({userId: user.id, connectionId, receivedAtMs: FROM_MS + index, timestampMs: FROM_MS + index}),
	);
	await gateway.stores.eventStore.append(events);
	return events.map(({id}) => id);
}

function endOf({client}: Tenant, id: string): Promise<JobView> {
	return eventually(async () => {
		const job = await client.call<JobView>('GET', `/jobs/${id}`);
		return job.finishedAt !== null && job;
	}, 60_000);
}

test('a replay is accepted as a job, which shows its progress until all is delivered', async (t) => {
	t.timeout(90_000);
	await using sink = await WebhookSink.start();
	const tenant = await gateway.createTenant();
	const webhook = await createWebhook(tenant, sink.url);
	const missed = await logMissed(tenant, webhook.connectionId, 30);
	const response = await tenant.client.fetch('POST', `/webhooks/${webhook.id}/replay`, RANGE);
	t.is(response.status, 202);
	const job = (await response.json()) as JobView;
	t.like(job, {
		...{kind: 'replay', webhookId: webhook.id, ...RANGE, events: null, status: 'missed', state: 'queued'},
		...{total: null, done: 0, failed: 0, eta: null, startedAt: null, finishedAt: null, reason: null},
	});
	t.like(await endOf(tenant, job.id), {state: 'done', total: 30, done: 30, failed: 0, eta: null});
	t.deepEqual(sink.deliveries.map(({headers}) => headers['x-wahooks-event-id']).toSorted(), [...missed].toSorted());
});

test('a range in another time zone and names are taken; what cannot be one is told, all at once', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant);
	const post = (body: unknown): Promise<Response> => tenant.client.fetch('POST', `/webhooks/${id}/replay`, body);
	for (const [body, message] of [
		[{}, ['from must be a time such as 2026-03-27T12:00:00Z', 'to must be a time such as 2026-03-27T12:00:00Z']],
		[{...RANGE, from: '2026-03-27'}, ['from must be a time such as 2026-03-27T12:00:00Z']],
		[{...RANGE, from: '2026-03-27T12:00:00'}, ['from must be a time such as 2026-03-27T12:00:00Z']],
		[{from: RANGE.to, to: RANGE.from}, ['from must be before to']],
		[{from: RANGE.from, to: RANGE.from}, ['from must be before to']],
		[{...RANGE, to: new Date(Date.now() + HOUR_MS).toISOString()}, ['to must not be in the future']],
		[{...RANGE, status: 'Missed'}, ['status must be one of failed, missed, all']],
		[{...RANGE, events: []}, ['events must have at least one value']],
		[{...RANGE, events: 'message'}, ['events must be an array']],
		[
			{...RANGE, events: ['*', 'Message']},
			['events: "Message" is not an event name ([a-z0-9._], at most 64), nor the beginning of one and .*'],
		],
	] as const) {
		const response = await post(body);
		t.is(response.status, 400, JSON.stringify(body));
		t.deepEqual(((await response.json()) as ErrorBody).message, [...message]);
	}
	t.deepEqual(await tenant.client.call('GET', '/jobs'), []);
	const response = await post({
		from: '2026-03-27T12:00:00+02:00',
		to: '2026-03-27T12:30:00.5+02:00',
		events: ['message.*'],
		status: 'failed',
	});
	t.is(response.status, 202);
	t.like(await response.json(), {
		...{from: '2026-03-27T10:00:00.000Z', to: '2026-03-27T10:30:00.500Z'},
		...{events: ['message.*'], status: 'failed'},
	});
});

test('a second one while the first is under way, and one of a webhook that is off, are 409 and say what to do', async (t) => {
	const tenant = await gateway.createTenant();
	const {client, user} = tenant;
	const {id, connectionId} = await createWebhook(tenant);
	const running = await gateway.stores.jobStore.create(
		sampleJob({userId: user.id, webhookId: id, connectionId, state: 'running', total: 5, updatedAt: new Date()}),
	);
	const second = await client.fetch('POST', `/webhooks/${id}/replay`, RANGE);
	t.is(second.status, 409);
	t.like(await second.json(), {
		code: 'CONFLICT',
		message: `A replay of this webhook is under way: job ${running.id}`,
	});
	t.like(await client.call('POST', `/jobs/${running.id}/cancel`), {state: 'cancelled'});
	await client.call('PUT', `/webhooks/${id}`, {active: false});
	const inactive = await client.fetch('POST', `/webhooks/${id}/replay`, RANGE);
	t.is(inactive.status, 409);
	t.like(await inactive.json(), {code: 'CONFLICT', message: 'The webhook is inactive: activate it first'});
});

test('a job is cancelled once and for all, and one at its end stays as it is', async (t) => {
	const tenant = await gateway.createTenant();
	const {client, user} = tenant;
	const job = await gateway.stores.jobStore.create(sampleJob({userId: user.id}));
	const cancelled = await client.call<JobView>('POST', `/jobs/${job.id}/cancel`);
	t.is(cancelled.state, 'cancelled');
	t.truthy(cancelled.finishedAt);
	t.deepEqual(await client.call('POST', `/jobs/${job.id}/cancel`), cancelled);
	t.deepEqual(await client.call('GET', `/jobs/${job.id}`), cancelled);

	const other = await gateway.stores.jobStore.create(sampleJob({userId: user.id, total: 7, done: 7}));
	const done = await gateway.stores.jobStore.save(ended(other, 'done', new Date()));
	t.like(await client.call('POST', `/jobs/${other.id}/cancel`), {state: 'done', done: 7});
	t.deepEqual(await gateway.stores.jobStore.find(other.id), done);
});

test('a running job tells when it will be done', async (t) => {
	const {client, user} = await gateway.createTenant();
	const sample = sampleJob({userId: user.id, state: 'running', total: 40, done: 8, failed: 2});
	const runningSinceMs = Date.now() - 100_000;
	await gateway.stores.jobStore.create({...sample, work: {...sample.work, runningSinceMs}});
	const {eta} = await client.call<{eta: string}>('GET', `/jobs/${sample.id}`);
	const nowMs = Date.now();
	const expectedMs = nowMs + (30 * (nowMs - runningSinceMs)) / 10;
	t.true(Math.abs(Date.parse(eta) - expectedMs) < 60_000, `${eta} of ${new Date(expectedMs).toISOString()}`);
});

test('jobs are listed newest first, page by page, and only those that the token may see', async (t) => {
	const tenant = await gateway.createTenant();
	const {user, client} = tenant;
	const [a, b] = [randomUUID(), randomUUID()];
	const jobs = Array.from({length: 7}, (_, index) =>
		sampleJob({
			userId: user.id,
			connectionId: [a, b, null][index % 3] ?? null,
			createdAt: new Date(FROM_MS + Math.floor(index / 2)),
		}),
	);
	for (const job of [...jobs, sampleJob()]) await gateway.stores.jobStore.create(job);
	const listed = async (caller: Tenant): Promise<readonly string[]> => {
		const ids: string[] = [];
		let path: string | undefined = '/jobs?limit=2';
		while (path !== undefined) {
			const response = await caller.client.fetch('GET', path);
			ids.push(...((await response.json()) as JobView[]).map(({id}) => id));
			path = /<.*\/api(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
		}
		return ids;
	};
	const expected = jobs.toSorted(
		(left, right) => right.createdAt.getTime() - left.createdAt.getTime() || (left.id < right.id ? 1 : -1),
	);
	t.deepEqual(
		await listed(tenant),
		expected.map(({id}) => id),
	);
	const limited = await gateway.addToken(tenant, {connectionIds: [a]});
	t.deepEqual(
		await listed(limited),
		expected.filter(({connectionId}) => connectionId === a).map(({id}) => id),
	);
	for (const {id, connectionId} of jobs) {
		const status = connectionId === a ? 200 : 403;
		t.is((await limited.client.fetch('GET', `/jobs/${id}`)).status, status);
		if (status === 403) t.is((await limited.client.fetch('POST', `/jobs/${id}/cancel`)).status, 403);
	}
	t.is((await client.fetch('GET', '/jobs?cursor=x')).status, 400);
});

test('to switch a webhook on again that the system had switched off offers a replay of what it missed', async (t) => {
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const {id} = await createWebhook(tenant);
	t.false('replay' in (await client.call<WebhookView>('PUT', `/webhooks/${id}`, {active: true})));
	const disabledAt = new Date();
	await gateway.stores.webhookStore.disable(id, 'nothing but failures for 5 days', disabledAt);
	t.false('replay' in (await client.call<WebhookView>('PUT', `/webhooks/${id}`, {events: ['message']})));
	const {replay, createdAt, ...webhook} = await client.call<WebhookView>('PUT', `/webhooks/${id}`, {active: true});
	t.like(webhook, {active: true, disabledAt: null, disabledReason: null});
	if (replay === undefined) return t.fail('no offer');
	const {path, ...body} = replay;
	t.like(
		replay,
		{path: `/api/webhooks/${id}/replay`, from: createdAt, status: 'missed'},
		'what waited for a retry, too',
	);
	t.true(Math.abs(Date.parse(replay.to) - Date.now()) < 60_000);
	const response = await client.fetch('POST', path.replace('/api', ''), body);
	t.is(response.status, 202);
	t.like(await response.json(), {...body, state: 'queued'});
	t.false('replay' in (await client.call<WebhookView>('PUT', `/webhooks/${id}`, {active: true})), 'once');

	await client.call('PUT', `/webhooks/${id}`, {retry: {schedule: [3600]}});
	await gateway.stores.webhookStore.disable(id, 'the receiver answered 410 Gone', new Date(Date.now() + 5 * HOUR_MS));
	const again = await client.call<WebhookView>('PUT', `/webhooks/${id}`, {active: true});
	const backMs = Date.now() + 5 * HOUR_MS - Date.parse(again.replay?.from ?? t.fail());
	t.true(
		backMs >= 2.1 * HOUR_MS && backMs < 2.2 * HOUR_MS,
		`${backMs} ms: an hour of retries, a tenth, and an hour of grace`,
	);
});

test.serial('a replay that is asked for while the broker is away is accepted, and begins later', async (t) => {
	const tenant = await gateway.createTenant();
	const {id} = await createWebhook(tenant);
	gateway.broker.mode = 'away';
	const response = await tenant.client.fetch('POST', `/webhooks/${id}/replay`, RANGE);
	gateway.broker.mode = 'working';
	t.is(response.status, 202);
	const job = (await response.json()) as JobView;
	t.like(await tenant.client.call('GET', `/jobs/${job.id}`), {state: 'queued'});
});
