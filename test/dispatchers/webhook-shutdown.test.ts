import {TOKENS} from '../../config/tokens.ts';
import {SWITCH_DELAY_MS} from '../../domain/webhooks/ordering.ts';
import {chatIn} from '../support/chats-in.ts';
import {eventually} from '../support/eventually.ts';
import {HeldSink} from '../support/held-sink.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import type {ReceivedDelivery} from '../support/webhook-sink.ts';

const onEachBroker = await findBrokers();

const EVENTS = 6;

function ids(deliveries: readonly ReceivedDelivery[]): readonly string[] {
	return deliveries.map(({headers}) => String(headers['x-wahooks-event-id']));
}

for (const ordered of [false, 'chat'] as const) {
	onEachBroker(
		`a process that ends begins no attempt more, and finishes what it began (ordered: ${ordered})`,
		async (t, options) => {
			await using resources = new AsyncDisposableStack();
			const harness = resources.use(await LiveDispatchHarness.create(options));
			const slow = resources.use(await HeldSink.start());
			const fast = resources.use(await HeldSink.start());
			const connection = await harness.createConnection();
			const webhooks = harness.container.resolve(TOKENS.webhooks);
			const {webhook} = await webhooks.create(connection, {url: slow.url, events: ['*'], concurrency: 2, ordered});
			await webhooks.create(connection, {url: fast.url, events: ['*']});
			harness.clock.aheadMs += SWITCH_DELAY_MS;
			const dispatchers = await harness.startRoles('webhook');
			// Ordered deliveries come from there.
			const log = await harness.startRoles('log');
			// Whoever ends keeps the partitions of what is under way: one for each chat leaves four for the other.
			for (let partition = 0; partition < EVENTS; partition++) {
				const chat = chatIn(harness.topology, webhook.id, partition);
				await harness.publisher.event(harness.eventOf(connection, {id: `false_${chat}_A`}));
			}
			const rows = () => harness.stores.deliveryStore.listByWebhook(webhook.id, {limit: 100});
			await eventually(async () => {
				const queued = (await rows()).filter(({state}) => state === 'queued');
				return queued.length === EVENTS && fast.deliveries.length === EVENTS;
			});
			t.is(slow.deliveries.length, 2);
			// From here on nobody can tell by the rows what is done.
			await Promise.all(log.map((dispatcher) => dispatcher.stop()));
			fast.release();
			let isStopped = false;
			const stopping = Promise.all(dispatchers.map((dispatcher) => dispatcher.stop())).then(() => {
				isStopped = true;
			});
			await harness.startRoles('webhook');
			await eventually(() => slow.deliveries.length === 4);
			t.false(isStopped, 'two attempts are under way');
			slow.release();
			await stopping;
			await eventually(() => slow.deliveries.length === EVENTS);
			await harness.startRoles('log');
			await eventually(async () => (await rows()).every(({state}) => state === 'delivered'));
			for (const deliveries of [slow.deliveries, fast.deliveries]) {
				t.is(deliveries.length, EVENTS);
				t.is(new Set(ids(deliveries)).size, EVENTS);
			}
		},
	);
}
