import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import {after, sampleWebhook} from '../support/samples.ts';
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
			timeoutMs: 5000,
			retryScheduleMs: [1000, 2000],
			sealedHeaders: 'v1.headers',
			filter: {chats: ['15550001111@c.us', '120363@g.us'], fromMe: false},
			ratePerSecond: 0.5,
			concurrency: 3,
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

		t.deepEqual(await webhookStore.listByConnection(connectionId), [inactive, own]);
		t.deepEqual(await webhookStore.listForEvent(userId, connectionId), [inactive, own, ofUser]);
		t.deepEqual(await webhookStore.listForEvent(userId, null), [ofUser]);
		t.deepEqual(await webhookStore.listForEvent(randomUUID(), connectionId), []);
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
		};
		t.deepEqual(await webhookStore.update(webhook.id, options, after(3)), {...other, ...options, updatedAt: after(3)});
		const defaults = {
			timeoutMs: null,
			retryScheduleMs: null,
			sealedHeaders: null,
			filter: null,
			ratePerSecond: null,
			concurrency: null,
		};
		await webhookStore.update(webhook.id, defaults, after(4));
		t.deepEqual(await webhookStore.find(webhook.id), {...other, ...defaults, updatedAt: after(4)});
		t.is(await webhookStore.update(randomUUID(), {active: true}, after(3)), undefined);
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
