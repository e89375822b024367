import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import {after, sampleWebhook} from '../support/samples.ts';
import {allPages, byAge} from './all-pages.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `WebhookStore` port promises. */
export function webhookStoreContract(test: TestFn, harness: StoresHarness): void {
	test('webhooks: a webhook is found as it was inserted; inserting it again changes nothing', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const bare = sampleWebhook({connectionId: null, events: ['*']});
		const full = sampleWebhook({
			previousSecret: {sealed: 'v1.old', until: after(1000)},
			active: false,
			disabledReason: 'answered 410',
			disabledAt: after(3),
			failingSince: after(1),
			lastFailureAt: after(2),
			timeoutMs: 5000,
			retryScheduleMs: [1000, 2000],
			sealedHeaders: 'v1.headers',
			filter: {chats: ['15550001111@c.us', '120363@g.us'], fromMe: false},
			ratePerSecond: 0.5,
			concurrency: 3,
			orderSwitchesMs: [1_774_612_800_123, 1_774_612_900_000],
		});
		for (const webhook of [bare, full]) {
			await webhookStore.insert(webhook);
			await webhookStore.insert({...webhook, url: 'https://example.com/again'});
			t.deepEqual(await webhookStore.find(webhook.id), webhook);
		}
		t.is(await webhookStore.find(randomUUID()), undefined);
	});

	test('webhooks: lists hold what concerns a connection, oldest first, inactive ones included', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const userId = randomUUID();
		const connectionId = randomUUID();
		const own = sampleWebhook({userId, connectionId, createdAt: after(2)});
		const inactive = sampleWebhook({userId, connectionId, createdAt: after(1), active: false});
		const ofUser = sampleWebhook({userId, connectionId: null, createdAt: after(3)});
		const deleted = sampleWebhook({userId, connectionId});
		const foreign = [sampleWebhook({userId}), sampleWebhook({connectionId: null}), deleted];
		for (const webhook of [own, ofUser, inactive, ...foreign]) await webhookStore.insert(webhook);
		await webhookStore.markDeleted(deleted.id, after(4));

		t.deepEqual(await webhookStore.listByConnection(connectionId, {limit: 3}), [inactive, own]);
		t.deepEqual(await webhookStore.listForEvent(userId, connectionId), [inactive, own, ofUser]);
		t.deepEqual(await webhookStore.listForEvent(userId, null), [ofUser]);
		t.deepEqual(await webhookStore.listForEvent(randomUUID(), connectionId), []);
	});

	test('webhooks: some are to be had of any users, deleted ones not', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		t.deepEqual(await webhookStore.listSome(10), []);
		const webhooks = [sampleWebhook(), sampleWebhook({connectionId: null}), sampleWebhook()];
		for (const webhook of webhooks) await webhookStore.insert(webhook);
		await webhookStore.markDeleted(webhooks[2]?.id ?? '', after(1));
		const byId = (a: {id: string}, b: {id: string}): number => a.id.localeCompare(b.id);
		t.deepEqual((await webhookStore.listSome(10)).toSorted(byId), webhooks.slice(0, 2).toSorted(byId));
		t.is((await webhookStore.listSome(1)).length, 1);
	});

	test('webhooks: those of a user come page by page, oldest first, whatever connection they belong to', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const userId = randomUUID();
		const webhooks = [3, 1, 2, 2, 2].map((ms, index) =>
			sampleWebhook({userId, createdAt: after(ms), connectionId: index % 2 === 0 ? null : randomUUID()}),
		);
		const deleted = sampleWebhook({userId});
		for (const webhook of [...webhooks, deleted, sampleWebhook()]) await webhookStore.insert(webhook);
		await webhookStore.markDeleted(deleted.id, after(4));

		const expected = webhooks.toSorted(
			(a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1),
		);
		const first = await webhookStore.listByUser(userId, {limit: 2});
		t.deepEqual(first, expected.slice(0, 2));
		const rest = await webhookStore.listByUser(userId, {limit: 10, after: first[1] ?? t.fail()});
		t.deepEqual(rest, expected.slice(2));
		t.deepEqual(await webhookStore.listByUser(randomUUID(), {limit: 10}), []);
	});

	test('webhooks: those of a connection come page by page, those of one moment too; deleted ones take no place', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const userId = randomUUID();
		const connectionId = randomUUID();
		const webhooks = [3, 1, 2, 2, 2].map((ms) => sampleWebhook({userId, connectionId, createdAt: after(ms)}));
		const deleted = [1, 2].map((ms) => sampleWebhook({userId, connectionId, createdAt: after(ms)}));
		const others = [sampleWebhook({userId, connectionId: null}), sampleWebhook({userId})];
		for (const webhook of [...webhooks, ...deleted, ...others]) await webhookStore.insert(webhook);
		for (const {id} of deleted) await webhookStore.markDeleted(id, after(4));

		for (const limit of [1, 2, 5]) {
			const pages = await allPages(limit, (page) => webhookStore.listByConnection(connectionId, page));
			t.deepEqual(pages, webhooks.toSorted(byAge), `pages of ${limit}`);
		}
	});

	test('webhooks: a secret is replaced once, by whoever read it last; nothing else changes', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const webhook = sampleWebhook({sealedSecret: 'v1.first', sealedHeaders: 'v1.headers', concurrency: 2});
		await webhookStore.insert(webhook);
		const previous = {sealed: 'v1.first', until: after(5000)};
		const rotations = await Promise.all([
			webhookStore.rotateSecret(webhook.id, {from: 'v1.first', to: 'v1.second', previous}, after(1)),
			fixture.others.webhookStore.rotateSecret(webhook.id, {from: 'v1.first', to: 'v1.second', previous}, after(1)),
		]);
		const rotated = {...webhook, sealedSecret: 'v1.second', previousSecret: previous, updatedAt: after(1)};
		t.deepEqual(
			rotations.filter((one) => one !== undefined),
			[rotated],
		);
		t.deepEqual(await webhookStore.find(webhook.id), rotated);

		const last = {from: 'v1.second', to: 'v1.third', previous: null};
		t.like(await webhookStore.rotateSecret(webhook.id, last, after(2)), {
			sealedSecret: 'v1.third',
			previousSecret: null,
		});
		t.is(await webhookStore.rotateSecret(randomUUID(), last, after(3)), undefined);
		await webhookStore.markDeleted(webhook.id, after(4));
		t.is(await webhookStore.rotateSecret(webhook.id, {...last, from: 'v1.third'}, after(5)), undefined);
	});

	test('webhooks: only what is given is changed', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const webhook = sampleWebhook({previousSecret: {sealed: 'v1.old', until: after(1000)}, retryScheduleMs: [1000]});
		await webhookStore.insert(webhook);

		const moved = {...webhook, url: 'https://example.com/other', updatedAt: after(1)};
		t.deepEqual(await webhookStore.update(webhook.id, {url: moved.url}, after(1)), moved);
		const other = {...moved, events: ['*'], active: false, updatedAt: after(2)};
		t.deepEqual(await webhookStore.update(webhook.id, {events: ['*'], active: false}, after(2)), other);
		t.deepEqual(await webhookStore.find(webhook.id), other);
		const options = {
			timeoutMs: 2000,
			retryScheduleMs: [3000],
			sealedHeaders: 'v1.headers',
			filter: {fromMe: true},
			ratePerSecond: 2.5,
			concurrency: 7,
			orderSwitchesMs: [1_774_612_800_123],
		};
		t.deepEqual(await webhookStore.update(webhook.id, options, after(3)), {...other, ...options, updatedAt: after(3)});
		const defaults = {
			timeoutMs: null,
			retryScheduleMs: null,
			sealedHeaders: null,
			filter: null,
			ratePerSecond: null,
			concurrency: null,
			orderSwitchesMs: [],
		};
		await webhookStore.update(webhook.id, defaults, after(4));
		t.deepEqual(await webhookStore.find(webhook.id), {...other, ...defaults, updatedAt: after(4)});
		t.is(await webhookStore.update(randomUUID(), {active: true}, after(3)), undefined);
	});

	test('webhooks: one that its owner changed after the attempt that speaks against it is not disabled', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const webhook = sampleWebhook();
		await webhookStore.insert(webhook);
		await webhookStore.update(webhook.id, {url: 'https://example.com/mended'}, after(2));
		t.false(await webhookStore.disable(webhook.id, 'answered 410', after(1)));
		t.like(await webhookStore.find(webhook.id), {active: true, disabledAt: null, updatedAt: after(2)});
		t.true(await webhookStore.disable(webhook.id, 'answered 410', after(2)));
	});

	test('webhooks: the system disables one once, and switching it on forgets why', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const webhook = sampleWebhook();
		await webhookStore.insert(webhook);

		const first = await Promise.all([
			webhookStore.disable(webhook.id, 'answered 410', after(1)),
			fixture.others.webhookStore.disable(webhook.id, 'answered 410', after(1)),
		]);
		t.deepEqual(first.toSorted(), [false, true]);
		t.false(await webhookStore.disable(webhook.id, 'failing for 5 days', after(2)));
		const disabled = {...webhook, active: false, disabledReason: 'answered 410', disabledAt: after(1)};
		t.deepEqual(await webhookStore.find(webhook.id), {...disabled, updatedAt: after(1)});

		await webhookStore.update(webhook.id, {url: 'https://example.com/b'}, after(3));
		t.like(await webhookStore.find(webhook.id), {active: false, disabledReason: 'answered 410'});
		await webhookStore.update(webhook.id, {active: true}, after(4));
		t.like(await webhookStore.find(webhook.id), {active: true, disabledReason: null, disabledAt: null});
	});

	test('webhooks: failures are a series until one succeeds or a long pause; the webhook itself stays as it is', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const [webhook, other] = [sampleWebhook(), sampleWebhook()];
		for (const one of [webhook, other]) await webhookStore.insert(one);
		const note = (ms: number, quietMs = 100): Promise<Webhook | undefined> =>
			webhookStore.noteFailure(webhook.id, after(ms), after(ms - quietMs));
		const series = (since: number, last: number): Webhook => ({
			...webhook,
			failingSince: after(since),
			lastFailureAt: after(last),
		});

		t.deepEqual(await note(10), series(10, 10));
		t.deepEqual(await note(110), series(10, 110), 'a pause that is just short enough');
		t.deepEqual(await note(50), series(10, 110), 'one that comes late takes nothing back');
		t.deepEqual(await note(211), series(211, 211), 'a pause that is too long');
		t.deepEqual(await webhookStore.find(webhook.id), series(211, 211));
		t.deepEqual(await webhookStore.find(other.id), other);

		await webhookStore.noteFailure(other.id, after(1), after(0));
		await webhookStore.forgetFailures([webhook.id, randomUUID()]);
		t.deepEqual(await webhookStore.find(webhook.id), webhook);
		t.like(await webhookStore.find(other.id), {failingSince: after(1)});
		await webhookStore.forgetFailures([]);
		await webhookStore.forgetFailures([webhook.id, other.id]);
		t.deepEqual(await webhookStore.find(other.id), other);
	});

	test('webhooks: several processes that see the first failure at once agree when it was', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const webhook = sampleWebhook();
		await webhookStore.insert(webhook);
		const noted = await Promise.all(
			[1, 2, 3, 4].map((ms) =>
				(ms % 2 === 0 ? webhookStore : fixture.others.webhookStore).noteFailure(webhook.id, after(ms), after(-100)),
			),
		);
		t.is(new Set(noted.map((one) => one?.failingSince?.getTime())).size, 1);
	});

	test('webhooks: what an owner does about a failing one ends its series; anything else does not', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const webhook = sampleWebhook({sealedSecret: 'v1.first'});
		await webhookStore.insert(webhook);
		const isFailingAfter = async (change: Promise<Webhook | undefined>): Promise<boolean> => {
			const changed = await change;
			t.is(changed?.failingSince === null, changed?.lastFailureAt === null);
			return changed?.failingSince !== null;
		};
		const remedies = [{url: 'https://example.com/b'}, {active: true}, {sealedHeaders: 'v1.headers'}];
		for (const [index, changes] of remedies.entries()) {
			t.truthy(await webhookStore.noteFailure(webhook.id, after(index), after(0)));
			const change = webhookStore.update(webhook.id, changes, after(index + 1));
			t.false(await isFailingAfter(change), JSON.stringify(changes));
		}
		t.truthy(await webhookStore.noteFailure(webhook.id, after(3), after(0)));
		t.true(await isFailingAfter(webhookStore.update(webhook.id, {events: ['*'], concurrency: 2}, after(4))));
		const rotation = {from: 'v1.first', to: 'v1.second', previous: null};
		t.false(await isFailingAfter(webhookStore.rotateSecret(webhook.id, rotation, after(5))));

		t.is(await webhookStore.noteFailure(webhook.id, after(4), after(0)), undefined, 'an attempt from before that');
		t.like(await webhookStore.find(webhook.id), {failingSince: null, lastFailureAt: null});
	});

	test('webhooks: failures of one that is off or gone are not noted; switched off, it still shows them', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const [off, gone] = [sampleWebhook(), sampleWebhook()];
		for (const one of [off, gone]) await webhookStore.insert(one);
		await webhookStore.noteFailure(off.id, after(1), after(0));
		await webhookStore.disable(off.id, 'nothing but failures', after(2));
		t.is(await webhookStore.noteFailure(off.id, after(3), after(0)), undefined);
		t.like(await webhookStore.find(off.id), {active: false, failingSince: after(1), lastFailureAt: after(1)});
		await webhookStore.markDeleted(gone.id, after(1));
		t.is(await webhookStore.noteFailure(gone.id, after(2), after(0)), undefined);
		t.is(await webhookStore.noteFailure(randomUUID(), after(2), after(0)), undefined);
	});

	test('webhooks: a deleted one is gone for every call', async (t) => {
		await using fixture = await harness.open();
		const {webhookStore} = fixture.stores;
		const webhook = sampleWebhook();
		await webhookStore.insert(webhook);
		await webhookStore.markDeleted(webhook.id, after(1));
		await webhookStore.markDeleted(webhook.id, after(2));
		await webhookStore.markDeleted(randomUUID(), after(2));

		t.is(await webhookStore.find(webhook.id), undefined);
		t.is(await webhookStore.update(webhook.id, {active: true}, after(3)), undefined);
		t.false(await webhookStore.disable(webhook.id, 'late', after(3)));
	});
}
