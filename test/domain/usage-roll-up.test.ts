import test from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {UsageRollUp} from '../../domain/billing/usage-roll-up.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {FaultyStores} from '../support/faulty-stores.ts';
import {sampleEvent} from '../support/samples.ts';

const USER = 'user-1';

interface Fixture extends AsyncDisposable {
	readonly stores: Stores;
	readonly faults: FaultyStores;
	/** Over stores that can be taken away. */
	readonly rollUp: UsageRollUp;
	messages(connectionId: string): Promise<number>;
}

async function create(events: number, connections = 3): Promise<Fixture> {
	const database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	const stores = createSqliteStores(database);
	await stores.eventStore.append(
		Array.from({length: events}, (_, index) =>
			sampleEvent({userId: USER, connectionId: `c${index % connections}`, event: 'message.any'}),
		),
	);
	const faults = new FaultyStores(stores);
	const {usageStore: usage, eventStore} = faults.stores;
	return {
		stores,
		faults,
		rollUp: new UsageRollUp({usage, events: eventStore}),
		messages: async (connectionId) => {
			const [found] = await stores.usageStore.findMany([connectionId]);
			return Object.values(found?.days ?? {}).reduce((sum, day) => sum + day.messages, 0);
		},
		[Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
	};
}

test('a count that ends half-way, at any write, goes on without counting anything twice', async (t) => {
	for (const method of ['save', 'setCountedTo', 'findMany', 'listMarks', 'lastSeq']) {
		for (const fault of ['refuseNext', 'loseNextAnswer'] as const) {
			await using fixture = await create(2300);
			fixture.faults[fault](method);
			await t.throwsAsync(fixture.rollUp.countFor(USER, 10_000), {instanceOf: StoreUnavailableError}, method);
			await fixture.rollUp.countFor(USER, 10_000);
			await fixture.rollUp.countFor(USER, 10_000);
			for (const [id, messages] of [
				['c0', 767],
				['c1', 767],
				['c2', 766],
			] as const) {
				t.is(await fixture.messages(id), messages, `${method} ${fault} ${id}`);
			}
		}
	}
});

test('two who count at the same time count everything once', async (t) => {
	await using fixture = await create(3000, 1);
	const others = Array.from({length: 4}, () => {
		const {usageStore: usage, eventStore: events} = fixture.stores;
		return new UsageRollUp({usage, events});
	});
	await Promise.all(others.map((rollUp, index) => rollUp.countFor(USER, 1000 * (index + 1))));
	await fixture.rollUp.countFor(USER, 10_000);
	t.is(await fixture.messages('c0'), 3000);
	t.is(await fixture.stores.usageStore.countedTo(USER), 3000);
});

test('only so much is counted at once, and a user without news costs one look', async (t) => {
	await using fixture = await create(3000, 1);
	await fixture.rollUp.countFor(USER, 1000);
	t.is(await fixture.messages('c0'), 1000);
	await fixture.rollUp.countFor(USER, 10_000);
	t.is(await fixture.messages('c0'), 3000);
	const before = fixture.faults.calls('listMarks');
	await fixture.rollUp.countFor(USER, 10_000);
	t.is(fixture.faults.calls('listMarks'), before);
});
