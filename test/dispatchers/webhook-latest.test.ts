import {TOKENS} from '../../config/tokens.ts';
import type {Delivery} from '../../domain/webhooks/delivery.ts';
import {SWITCH_DELAY_MS} from '../../domain/webhooks/ordering.ts';
import type {OwnedWebhook} from '../../domain/webhooks/webhooks.ts';
import {eventually} from '../support/eventually.ts';
import {HeldSink} from '../support/held-sink.ts';
import {LiveDispatchHarness} from '../support/live-dispatch-harness.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {isSigned, WebhookSink} from '../support/webhook-sink.ts';

const onEachBroker = await findBrokers();

const EVENTS = 4;

/** A webhook with one attempt under way, behind which the others wait in memory. */
interface Line {
	readonly sink: HeldSink;
	readonly owned: OwnedWebhook;
	readonly rows: () => Promise<readonly Delivery[]>;
}

async function createLine(
	harness: LiveDispatchHarness,
	resources: AsyncDisposableStack,
	ordered: 'chat' | false,
): Promise<Line & {readonly publish: () => Promise<void>}> {
	const sink = resources.use(await HeldSink.start());
	const connection = await harness.createConnection();
	const webhooks = harness.container.resolve(TOKENS.webhooks);
	const owned = await webhooks.create(connection, {url: sink.url, events: ['*'], concurrency: 1, ordered});
	return {
		sink,
		owned,
		rows: () => harness.stores.deliveryStore.listByWebhook(owned.webhook.id, {limit: 10}),
		publish: async () => {
			for (let chat = 0; chat < EVENTS; chat++) {
				await harness.publisher.event(harness.eventOf(connection, {id: `false_1555000${chat}@c.us_A`}));
			}
		},
	};
}

for (const ordered of [false, 'chat'] as const) {
	onEachBroker(
		`what waits in memory goes out as its webhook is by then, or not at all (ordered: ${ordered})`,
		async (t, options) => {
			await using resources = new AsyncDisposableStack();
			const harness = resources.use(await LiveDispatchHarness.create(options));
			const line = (): ReturnType<typeof createLine> => createLine(harness, resources, ordered);
			const [deleted, inactive, moved, rotated] = [await line(), await line(), await line(), await line()] as const;
			const lines = [deleted, inactive, moved, rotated];
			harness.clock.aheadMs += SWITCH_DELAY_MS;
			await harness.startRoles('webhook', 'log');
			for (const {publish} of lines) await publish();
			await eventually(async () => {
				const rows = await Promise.all(lines.map((each) => each.rows()));
				return rows.every((each) => each.length === EVENTS && each.every(({state}) => state === 'queued'));
			});
			t.true(lines.every(({sink}) => sink.deliveries.length === 1));

			const webhooks = harness.container.resolve(TOKENS.webhooks);
			const elsewhere = resources.use(await WebhookSink.start());
			await webhooks.remove(deleted.owned.webhook);
			await webhooks.update(inactive.owned.webhook, {active: false});
			await webhooks.update(moved.owned.webhook, {url: elsewhere.url});
			const {signingSecret} = await webhooks.rotateSecret(rotated.owned.webhook, 0);
			// The longest time that may pass until that is known.
			harness.clock.aheadMs += 5000;
			for (const {sink} of lines) sink.release();
			await eventually(async () => {
				const rows = await Promise.all(lines.map((each) => each.rows()));
				return rows.flat().every(({state}) => state !== 'queued');
			});

			t.is(deleted.sink.deliveries.length, 1);
			t.deepEqual(await reasonsOf(deleted), [null, ...Array<string>(EVENTS - 1).fill('the webhook was deleted')]);
			t.is(inactive.sink.deliveries.length, 1);
			t.deepEqual(await reasonsOf(inactive), [null, ...Array<string>(EVENTS - 1).fill('the webhook is inactive')]);
			t.is(moved.sink.deliveries.length, 1);
			t.is(elsewhere.deliveries.length, EVENTS - 1);
			const [first, ...others] = rotated.sink.deliveries;
			t.true(first !== undefined && isSigned(first, rotated.owned.signingSecret));
			t.is(others.length, EVENTS - 1);
			t.true(others.every((delivery) => isSigned(delivery, signingSecret)));
		},
	);
}

/** Why each of them was not delivered; null = it was. */
async function reasonsOf({rows}: Line): Promise<readonly (string | null)[]> {
	const reasons = (await rows()).map(({state, reason}) => (state === 'delivered' ? null : (reason ?? state)));
	return reasons.toSorted((a, b) => Number(a !== null) - Number(b !== null));
}
