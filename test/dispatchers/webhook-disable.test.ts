import test, {type ExecutionContext} from 'ava';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {FanoutFrame} from '../../domain/ports/fanout.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {eventually} from '../support/eventually.ts';
import {LiveDispatchHarness, type LiveDispatchOptions} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {sampleOutcome, sampleWebhook} from '../support/samples.ts';
import {WebhookSink, type Answer} from '../support/webhook-sink.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const onEachBroker = await findBrokers();

const fail: Answer = (_, response) => response.writeHead(500).end('out of order');
const gone: Answer = (_, response) => response.writeHead(410).end();

/** The payload of a notice. */
interface Notice {
	readonly webhookId: string;
	readonly url: string;
	readonly [field: string]: unknown;
}

interface Endpoint {
	readonly sink: WebhookSink;
	readonly webhook: Webhook;
}

/** What is common to the tests on each broker: two processes of every role that matters, and one user. */
class Scene {
	readonly harness: LiveDispatchHarness;
	readonly connection: Connection;
	readonly #resources: AsyncDisposableStack;

	private constructor(harness: LiveDispatchHarness, connection: Connection, resources: AsyncDisposableStack) {
		this.harness = harness;
		this.connection = connection;
		this.#resources = resources;
	}

	static async create(resources: AsyncDisposableStack, options: LiveDispatchOptions): Promise<Scene> {
		const harness = resources.use(await LiveDispatchHarness.create(options));
		const connection = await harness.createConnection();
		for (let process = 0; process < 2; process++) await harness.startRoles('webhook', 'log', 'websocket');
		return new Scene(harness, connection, resources);
	}

	async endpoint(
		answer: Answer | undefined,
		events: readonly string[],
		owner?: Partial<Connection>,
	): Promise<Endpoint> {
		const sink = this.#resources.use(await WebhookSink.start());
		if (answer !== undefined) sink.answer = answer;
		const {id, userId} = {...this.connection, ...owner};
		const webhooks = this.harness.container.resolve(TOKENS.webhooks);
		const {webhook} = await webhooks.create({id, userId}, {url: `${sink.url}?token=secret`, events});
		return {sink, webhook};
	}

	/** A webhook of all the user's connections. */
	ofUser(answer: Answer | undefined, events: readonly string[]): Promise<Endpoint> {
		return this.endpoint(answer, events, {id: null as unknown as string});
	}

	/** Publishes an event and waits until its first attempt at this endpoint was made and looked at. */
	async attempt({sink, webhook}: Endpoint): Promise<void> {
		const {deliveryStore} = this.harness.stores;
		const event = this.harness.eventOf(this.connection);
		await this.harness.publisher.event(event);
		await eventually(() => sink.deliveries.some(({headers}) => headers['x-wahooks-event-id'] === event.id));
		await eventually(async () => {
			const rows = await deliveryStore.listByWebhook(webhook.id, {limit: 100});
			return rows.some(({eventId, attempts}) => eventId === event.id && attempts > 0);
		});
	}

	leap(ms: number): void {
		this.harness.clock.aheadMs += ms;
	}

	async now({webhook}: Endpoint): Promise<Webhook> {
		const found = await this.harness.stores.webhookStore.find(webhook.id);
		if (found === undefined) throw new Error('the webhook is gone');
		return found;
	}

	/** Waits until an endpoint's failures are noted up to this moment, or it is switched off. */
	async noted(endpoint: Endpoint, sinceMs: number): Promise<Webhook> {
		return eventually(async () => {
			const webhook = await this.now(endpoint);
			return (!webhook.active || (webhook.lastFailureAt?.getTime() ?? 0) >= sinceMs) && webhook;
		});
	}

	/** One more failed attempt, looked at. */
	async failure(endpoint: Endpoint): Promise<Webhook> {
		const sinceMs = this.harness.clock.now();
		await this.attempt(endpoint);
		return this.noted(endpoint, sinceMs);
	}

	/** The notices in the log, once there are some. */
	notices(): Promise<readonly LoggedEvent[]> {
		return eventually(async () => {
			const events = await this.harness.stores.eventStore.listAfter(this.connection.userId, 0, 1000, {
				event: 'webhook.disabled',
			});
			return events.length > 0 && events;
		});
	}
}

function noticesAt({sink}: Endpoint): readonly string[] {
	const notices = sink.deliveries.filter(({headers}) => headers['x-wahooks-event'] === 'webhook.disabled');
	return [...new Set(notices.map(({body}) => body))];
}

function payloadOf(body: string): Notice {
	return (JSON.parse(body) as {readonly payload: Notice}).payload;
}

async function switchesOffAndTells(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const {harness, connection} = scene;
	const failing = await scene.endpoint(fail, ['message']);
	const everything = await scene.ofUser(undefined, ['webhook.*']);
	const sibling = await scene.endpoint(undefined, ['webhook.disabled', 'other']);
	const all = await scene.endpoint(undefined, ['*']);
	const apart = await scene.endpoint(undefined, ['*'], {id: (await harness.createConnection()).id});
	const stranger = await scene.endpoint(undefined, ['*'], {id: connection.id, userId: 'somebody else'});
	const frames: FanoutFrame[] = [];
	const fanout = harness.container.resolve(TOKENS.fanout);
	resources.use(await fanout.subscribe(connection.userId, (frame) => frames.push(frame)));

	const {failingSince} = await scene.failure(failing);
	t.truthy(failingSince);
	for (const days of [2, 2, 0.9]) {
		scene.leap(days * DAY_MS);
		t.like(await scene.failure(failing), {active: true, failingSince}, 'not five days yet');
	}
	scene.leap(0.2 * DAY_MS);
	await Promise.all([1, 2, 3, 4].map(() => scene.attempt(failing)));
	const off = await eventually(async () => {
		const webhook = await scene.now(failing);
		return !webhook.active && webhook;
	});
	t.like(off, {disabledReason: 'nothing but failures for 5 days', failingSince});

	const [logged, ...others] = await scene.notices();
	if (logged === undefined) return t.fail('no notice');
	t.deepEqual(others, []);
	t.is(logged.connectionId, null);
	const envelope = JSON.parse(logged.body) as Readonly<Record<string, unknown>>;
	t.like(envelope, {id: logged.id, event: 'webhook.disabled', connectionId: null, session: null});
	const {disabledAt, ...payload} = payloadOf(logged.body);
	t.deepEqual(payload, {
		webhookId: failing.webhook.id,
		url: failing.sink.url,
		connectionId: connection.id,
		reason: 'nothing but failures for 5 days',
		failingSince: failingSince?.toISOString() ?? '',
		lastStatus: 500,
		lastError: 'HTTP 500',
	});
	t.is(typeof disabledAt, 'string');
	for (const told of [everything, sibling, all]) {
		await eventually(() => noticesAt(told).length > 0);
		t.deepEqual(
			new Set(noticesAt(told).map((body) => (JSON.parse(body) as {readonly id: string}).id)),
			new Set([logged.id]),
		);
	}
	const told = await eventually(() => frames.filter(({event}) => event === 'webhook.disabled')[0] ?? false);
	t.like(told, {eventId: logged.id, connectionId: null});
	for (const untold of [failing, apart, stranger]) t.deepEqual(noticesAt(untold), []);

	const sent = failing.sink.deliveries.length;
	await harness.publisher.event(harness.eventOf(connection));
	await eventually(async () => {
		const rows = await harness.stores.deliveryStore.listByWebhook(failing.webhook.id, {limit: 100});
		return rows.some(({reason}) => reason === 'the webhook is disabled: nothing but failures for 5 days');
	});
	t.is(failing.sink.deliveries.length, sent);
}

async function needsFailuresAllAlong(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const failing = await scene.endpoint(fail, ['message']);
	const {failingSince} = await scene.failure(failing);
	scene.leap(6 * DAY_MS);
	const later = await scene.failure(failing);
	t.true(later.active, 'a failure six days ago and nothing since');
	t.true((later.failingSince?.getTime() ?? 0) >= (failingSince?.getTime() ?? Infinity) + 6 * DAY_MS);

	scene.leap(2 * DAY_MS);
	failing.sink.answer = (_, response) => response.end('ok');
	await scene.attempt(failing);
	await eventually(async () => (await scene.now(failing)).failingSince === null);
	failing.sink.answer = fail;
	for (const days of [2, 2]) {
		scene.leap(days * DAY_MS);
		t.true((await scene.failure(failing)).active, 'a success four days ago');
	}
}

async function goneIsTold(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const scene = await Scene.create(resources, options);
	const leaving = await scene.endpoint(gone, ['message', 'webhook.disabled']);
	const leavingToo = await scene.ofUser(gone, ['webhook.disabled']);
	const listening = await scene.endpoint(undefined, ['webhook.disabled']);
	const failing = await scene.ofUser(fail, ['webhook.disabled']);
	await scene.attempt(leaving);
	await eventually(async () => !(await scene.now(leaving)).active);
	t.like(await scene.now(leaving), {disabledReason: 'the receiver answered 410 Gone'});

	const [notice = ''] = await eventually(() => noticesAt(listening).length > 0 && noticesAt(listening));
	t.like(payloadOf(notice), {webhookId: leaving.webhook.id, lastStatus: 410});
	await eventually(async () => !(await scene.now(leavingToo)).active);
	t.like(await scene.now(leavingToo), {disabledReason: 'the receiver answered 410 Gone'});
	await eventually(() => noticesAt(failing).length > 0);

	// The log is in order: what was told before this event is there when the event is.
	const last = scene.harness.eventOf(scene.connection);
	await scene.harness.publisher.event(last);
	await eventually(async () => (await scene.harness.stores.eventStore.find(last.id)) !== undefined);
	t.is((await scene.notices()).length, 1);
	t.deepEqual(noticesAt(leaving), []);
	t.is(noticesAt(listening).length, 1);
	t.is((await scene.now(failing)).failingSince, null, 'failures of a notice do not count');
	// A notice may end another webhook before the line of its own webhook is written.
	const lines = scene.harness.log.of('webhook.disabled').map(({fields}) => [fields['webhookId'], fields['isTold']]);
	t.is(lines.length, 2);
	t.deepEqual(Object.fromEntries(lines), {[leaving.webhook.id]: true, [leavingToo.webhook.id]: false});
}

onEachBroker(
	'five days of nothing but failures switch a webhook off, and everybody concerned is told once',
	switchesOffAndTells,
);
onEachBroker(
	'old failures without new ones and failures with a success between them switch nothing off',
	needsFailuresAllAlong,
);
onEachBroker('410 is told, too; a notice that is not taken causes no other', goneIsTold);

/** A webhook in the store and a way to let its attempts fail at a moment, as the log dispatcher sees them. */
async function createFailing(harness: DispatchHarness) {
	const now = new Date(harness.clock.now());
	const sealedSecret = harness.container.resolve(TOKENS.secretBox).seal('secret');
	const webhook = sampleWebhook({sealedSecret, createdAt: now, updatedAt: now});
	await harness.stores.webhookStore.insert(webhook);
	const {id: webhookId, userId, connectionId} = webhook;
	const failAt = (atMs: number): Promise<void> =>
		harness.publisher.outcomes([sampleOutcome({webhookId, userId, connectionId, atMs})]);
	const find = async (): Promise<Webhook | undefined> => harness.stores.webhookStore.find(webhookId);
	return {webhook, failAt, find};
}

test('while the broker is away nothing is switched off; once it is back it is, and told', async (t) => {
	await using harness = await DispatchHarness.create();
	const {webhook, failAt, find} = await createFailing(harness);
	await harness.startRoles('log');
	const startMs = harness.clock.now();
	for (const days of [0, 2, 4]) {
		await failAt(startMs + days * DAY_MS);
		await harness.until(async () => (await find())?.lastFailureAt?.getTime() === startMs + days * DAY_MS);
	}
	harness.broker.mode = 'away';
	await failAt(startMs + 5 * DAY_MS);
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	await harness.wind(5 * MINUTE_MS);
	t.like(await find(), {active: true});

	harness.broker.mode = 'working';
	await harness.wind(2 * MINUTE_MS);
	await harness.until(async () => (await find())?.active === false);
	const told = await harness.until(async () => {
		const events = await harness.stores.eventStore.listAfter(webhook.userId, 0, 10);
		return events.length > 0 && events;
	});
	t.deepEqual(
		told.map(({event}) => event),
		['webhook.disabled'],
	);
	t.deepEqual(await harness.deadLetters(), []);
});

test('a store that fails between the notice and the deed: the same notice comes again, and is one event', async (t) => {
	await using harness = await DispatchHarness.create();
	const {webhook, failAt, find} = await createFailing(harness);
	await harness.startRoles('log');
	const startMs = harness.clock.now();
	for (const days of [0, 2, 4]) await failAt(startMs + days * DAY_MS);
	await harness.until(async () => (await find())?.lastFailureAt?.getTime() === startMs + 4 * DAY_MS);
	harness.storeFaults.refuseNext('disable');
	await failAt(startMs + 5 * DAY_MS);
	await harness.until(() => harness.broker.published.some(({headers}) => headers['event'] === 'webhook.disabled'));
	await harness.wind(2 * MINUTE_MS);
	await harness.until(async () => (await find())?.active === false);
	const notices = harness.broker.published.filter(({headers}) => headers['event'] === 'webhook.disabled');
	t.is(notices.length, 2);
	t.is(new Set(notices.map(({id}) => id)).size, 1);
	await harness.until(() => harness.topology.queues.logs.every((queue) => harness.queued(queue).length === 0));
	t.is((await harness.stores.eventStore.listAfter(webhook.userId, 0, 10)).length, 1);
});

test('with WEBHOOK_DISABLE_AFTER_DAYS=0 failures are noted and nothing is switched off', async (t) => {
	await using harness = await LiveDispatchHarness.create({environment: {WEBHOOK_DISABLE_AFTER_DAYS: '0'}});
	const webhook = sampleWebhook();
	await harness.stores.webhookStore.insert(webhook);
	await harness.startRoles('log');
	const {id: webhookId, userId, connectionId} = webhook;
	for (const days of [0, 100]) {
		const atMs = webhook.createdAt.getTime() + days * DAY_MS;
		await harness.publisher.outcomes([sampleOutcome({webhookId, userId, connectionId, atMs})]);
		await eventually(async () => {
			const found = await harness.stores.webhookStore.find(webhookId);
			return found?.lastFailureAt?.getTime() === atMs;
		});
	}
	t.like(await harness.stores.webhookStore.find(webhookId), {active: true, failingSince: webhook.createdAt});
});

test('410 of a receiver that the owner has left meanwhile switches nothing off', async (t) => {
	await using harness = await DispatchHarness.create();
	const {webhook: tried, find} = await createFailing(harness);
	const disabling = harness.container.resolve(TOKENS.disabling);
	const atMs = harness.clock.now() + MINUTE_MS;
	const attempt = {event: 'message', atMs, result: {status: 410, error: 'HTTP 410'}};
	await harness.stores.webhookStore.update(tried.id, {url: 'https://example.com/moved'}, new Date(atMs - 1));
	await disabling.gone(tried, attempt);
	t.like(await find(), {active: true, failingSince: null});
	t.deepEqual(harness.broker.published, []);

	await disabling.gone((await find()) ?? t.fail('it is gone'), attempt);
	t.like(await find(), {active: false});
	t.true(harness.broker.published.some(({headers}) => headers['event'] === 'webhook.disabled'));
});

test('healthy traffic costs one look at a webhook in a minute', async (t) => {
	await using harness = await DispatchHarness.create();
	await harness.startRoles('log');
	const webhooks = Array.from({length: 20}, () => sampleWebhook());
	for (const webhook of webhooks) await harness.stores.webhookStore.insert(webhook);
	const result = {status: 200, durationMs: 5, errorClass: null, error: null, answer: 'ok'};
	const startMs = harness.clock.now();
	for (let second = 0; second < 59; second++) {
		const atMs = startMs + second * 1000;
		await harness.publisher.outcomes(
			webhooks.map(({id: webhookId}) => sampleOutcome({webhookId, atMs, state: 'delivered', result})),
		);
	}
	await harness.until(() => harness.queued(harness.topology.queues.outcomes).length === 0);
	t.is(harness.storeFaults.calls('forgetFailures'), 1);
	t.is(harness.storeFaults.calls('noteFailure'), 0);
});
