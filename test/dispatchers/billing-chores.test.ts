import test from 'ava';
import {createBillingChores} from '../../config/billing-chores.ts';
import {TOKENS} from '../../config/tokens.ts';
import type {BillingCare} from '../../domain/billing/billing-care.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {after, sampleEntitlement, sampleEvent, sampleUser} from '../support/samples.ts';

async function runChores(harness: DispatchHarness): Promise<void> {
	for (const {run} of createBillingChores(harness.container)) await run();
}

test('where billing was switched off, what it had suspended runs again', async (t) => {
	await using harness = await DispatchHarness.create();
	const {stores} = harness;
	const user = sampleUser();
	await stores.userStore.insert(user);
	await stores.entitlementStore.save(sampleEntitlement({id: user.id, grantedSlots: 0}));
	const connection = await harness.createConnection({userId: user.id, workerId: 'w', status: 'connected'});
	await stores.connectionStore.suspend(connection.id, after(0));
	await runChores(harness);
	t.like(await stores.connectionStore.find(connection.id), {
		desiredState: 'running',
		suspendedAt: null,
		status: 'pending',
	});
});

test('a provider that takes seconds to answer holds up a round for some seconds only, whoever is left out is next', async (t) => {
	await using harness = await DispatchHarness.create();
	const {clock, stores} = harness;
	const due = new Set<string>();
	for (let index = 0; index < 12; index++) {
		const entitlement = sampleEntitlement({createdAt: after(index)});
		due.add(entitlement.id);
		await stores.entitlementStore.save(entitlement);
	}
	let tended = 0;
	const tend: BillingCare['tend'] = async ({id}, compareUntilMs) => {
		tended++;
		if (clock.now() < (compareUntilMs ?? Infinity) && due.delete(id)) await clock.advance(2000);
	};
	const container = harness.container.createChildContainer();
	container.register(TOKENS.billingCare, {useValue: {tend} as unknown as BillingCare});
	const [chore] = createBillingChores(container);
	const left: number[] = [];
	for (let round = 0; round < 4; round++) {
		const start = clock.now();
		await chore?.run();
		t.true(clock.now() - start < 10_000);
		left.push(due.size);
		await clock.advance(10 * 60_000);
	}
	t.deepEqual(left, [9, 6, 3, 0]);
	t.is(tended, 48, 'nobody is passed by');
});

test('usage is counted for everybody, without anybody asking', async (t) => {
	await using harness = await DispatchHarness.create();
	const {stores} = harness;
	const users = Array.from({length: 60}, () => sampleUser());
	for (const {id: userId} of users) {
		await stores.userStore.insert(sampleUser({id: userId}));
		await stores.eventStore.append([sampleEvent({userId, event: 'message.any', connectionId: `of ${userId}`})]);
	}
	const chores = createBillingChores(harness.container);
	for (let round = 0; round < 3; round++) {
		for (const {run} of chores) await run();
	}
	const usages = await stores.usageStore.findMany(users.map(({id}) => `of ${id}`));
	t.is(usages.length, 60);
	for (const {days} of usages) t.is(days['2026-03-27']?.messages, 1);
});
