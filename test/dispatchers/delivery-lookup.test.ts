import test from 'ava';
import {DeliveryLookup} from '../../dispatchers/webhook/delivery-lookup.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import {deliveryAfter, type Delivery} from '../../domain/webhooks/delivery.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {sampleOutcome, T0} from '../support/samples.ts';

function row(id: string): Delivery {
	return {...deliveryAfter(sampleOutcome()), createdAt: T0, id};
}

test('what many ask for at once is one query, and everybody gets their own rows', async (t) => {
	const queries: (readonly string[])[] = [];
	const clock = new ManualClock();
	const lookup = new DeliveryLookup({
		clock,
		deliveries: {
			findMany: (ids) => {
				queries.push(ids);
				// In another order, and not all of them.
				const there = ids.filter((id) => id !== 'dlv_3').toReversed();
				return Promise.resolve(there.map(row));
			},
		},
	});
	const answers = Promise.all([
		lookup.find('dlv_1', 'dlv_2'),
		lookup.find('dlv_2'),
		lookup.find('dlv_3'),
		lookup.find('dlv_3', 'dlv_1'),
		lookup.find(),
	]);
	await clock.advance(2);
	t.deepEqual(
		(await answers).map((rows) => rows.map(({id}) => id)),
		[['dlv_1', 'dlv_2'], ['dlv_2'], [], ['dlv_1'], []],
	);
	t.deepEqual(queries, [['dlv_1', 'dlv_2', 'dlv_3']]);
});

test('a thousand at once are ten queries, without a pause', async (t) => {
	let queries = 0;
	const lookup = new DeliveryLookup({
		clock: new ManualClock(),
		deliveries: {
			findMany: (ids) => {
				queries++;
				return Promise.resolve(ids.map(row));
			},
		},
	});
	const ids = Array.from({length: 1000}, (_, index) => `dlv_${index}`);
	const answers = await Promise.all(ids.map((id) => lookup.find(id)));
	t.deepEqual(
		answers.map(([found]) => found?.id),
		ids,
	);
	t.is(queries, 10);
});

test('a store that is away is away for all of them', async (t) => {
	const clock = new ManualClock();
	const lookup = new DeliveryLookup({
		clock,
		deliveries: {findMany: () => Promise.reject(new StoreUnavailableError('it is away'))},
	});
	const answers = Promise.allSettled([lookup.find('dlv_1'), lookup.find('dlv_2')]);
	await clock.advance(2);
	for (const answer of await answers) {
		t.true(answer.status === 'rejected' && answer.reason instanceof StoreUnavailableError);
	}
});
