import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {isOver, type Job} from '../../domain/jobs/job.ts';
import {SWITCH_DELAY_MS} from '../../domain/webhooks/ordering.ts';
import type {Delivery} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {eventually} from '../support/eventually.ts';
import {HeldSink} from '../support/held-sink.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {WebhookSink} from '../support/webhook-sink.ts';

const onEachBroker = await findBrokers();

const CHAT = '15550001111@c.us';

async function publish(harness: LiveDispatchHarness, connection: Connection, count: number): Promise<void> {
	for (let index = 0; index < count; index++) {
		await harness.publisher.event(harness.eventOf(connection, {id: `false_${CHAT}_${index}`, body: `m${index}`}));
	}
}

/** What a replay of all that was missed comes to. */
async function replayMissed(harness: LiveDispatchHarness, webhook: Webhook): Promise<Job> {
	const to = new Date(harness.clock.now());
	const from = new Date(to.getTime() - 60_000);
	const {job} = await harness.container.resolve(TOKENS.jobs).replay(webhook, {from, to});
	return eventually(async () => {
		const current = await harness.stores.jobStore.find(job.id);
		return current !== undefined && isOver(current) && current;
	}, 60_000);
}

function rowsOf(harness: LiveDispatchHarness, {id}: Webhook): Promise<readonly Delivery[]> {
	return harness.stores.deliveryStore.listByWebhook(id, {limit: 100});
}

onEachBroker('what waits in the lanes of two processes is not missed', async (t, options) => {
	const count = 12;
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create(options));
	const sink = resources.use(await HeldSink.start());
	const connection = await harness.createConnection();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const {webhook} = await webhooks.create(connection, {url: sink.url, events: ['*'], concurrency: 1});
	await harness.startRoles('webhook');
	await harness.startRoles('webhook', 'log', 'supervisor');
	await publish(harness, connection, count);
	await eventually(() => sink.deliveries.length === 2);

	t.like(await replayMissed(harness, webhook), {state: 'done', total: 0});
	const rows = await rowsOf(harness, webhook);
	t.deepEqual(
		rows.map(({state, run, attempts, nextAttemptAt}) => ({state, run, attempts, nextAttemptAt})),
		Array.from({length: count}, () => ({state: 'queued', run: 1, attempts: 0, nextAttemptAt: null})),
	);
	t.is(sink.deliveries.length, 2);
	sink.release();
	await eventually(async () => (await rowsOf(harness, webhook)).every(({state}) => state === 'delivered'));
	t.is(sink.deliveries.length, count);
	t.is(new Set(sink.deliveries.map(({headers}) => headers['x-wahooks-event-id'])).size, count);
});

onEachBroker('what waits behind its chat is not missed, and keeps its order', async (t, options) => {
	await using resources = new AsyncDisposableStack();
	const harness = resources.use(await LiveDispatchHarness.create(options));
	const sink = resources.use(await WebhookSink.start());
	let isAway = true;
	sink.answer = (_, response) => response.writeHead(isAway ? 500 : 200).end();
	const connection = await harness.createConnection();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const retryScheduleMs = [40_000];
	const {webhook} = await webhooks.create(connection, {url: sink.url, events: ['*'], ordered: 'chat', retryScheduleMs});
	harness.clock.aheadMs += SWITCH_DELAY_MS;
	await harness.startRoles('webhook', 'log', 'supervisor');
	await publish(harness, connection, 3);
	await eventually(() => sink.deliveries.length === 1);

	t.like(await replayMissed(harness, webhook), {state: 'done', total: 0});
	t.deepEqual((await rowsOf(harness, webhook)).map(({state}) => state).toSorted(), ['queued', 'queued', 'waiting']);
	t.is(sink.deliveries.length, 1);
	isAway = false;
	await eventually(() => sink.deliveries.length === 4, 60_000);
	t.deepEqual(
		sink.deliveries.map(({body}) => (JSON.parse(body) as {payload: {body: string}}).payload.body),
		['m0', 'm0', 'm1', 'm2'],
	);
});
