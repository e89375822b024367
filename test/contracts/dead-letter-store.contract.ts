import {randomBytes, randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {DeadLetter} from '../../domain/ports/dead-letter-store.ts';
import {after} from '../support/samples.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `DeadLetterStore` port promises. */
export function deadLetterStoreContract(test: TestFn, harness: StoresHarness): void {
	test('dead letters: kept as they came, once each, newest first', async (t) => {
		await using fixture = await harness.open();
		const {deadLetterStore} = fixture.stores;
		t.deepEqual(await deadLetterStore.list(10), []);
		const [second, first, third] = [letterAt(2), letterAt(1), letterAt(3)];
		for (const letter of [second, first, third]) {
			await deadLetterStore.insert(letter);
			await fixture.others.deadLetterStore.insert({...letter, reason: 'told again'});
		}

		t.deepEqual(await deadLetterStore.list(10), [third, second, first]);
		t.deepEqual(await deadLetterStore.list(2), [third, second]);
	});

	test('dead letters: the largest body that is taken in is kept whole', async (t) => {
		await using fixture = await harness.open();
		const {deadLetterStore} = fixture.stores;
		const body = randomBytes(14_700_000).toString('base64');
		await deadLetterStore.insert({...letterAt(1), body});

		t.true((await deadLetterStore.list(1))[0]?.body === body);
	});

	test('dead letters: headers may be missing, the body may be anything', async (t) => {
		await using fixture = await harness.open();
		const {deadLetterStore} = fixture.stores;
		const letter = {...letterAt(1), headers: {}, body: 'not JSON \u0000 👋', reason: ''};
		await deadLetterStore.insert(letter);

		t.deepEqual(await deadLetterStore.list(10), [letter]);
	});
}

function letterAt(ms: number): DeadLetter {
	return {
		id: randomUUID(),
		queue: 'wahooks.log.0.v1',
		reason: 'the body is not JSON',
		headers: {schema: 1, kind: 'event', 'x.dotted': 'yes'},
		body: '{"id":"evt_1"',
		at: after(ms),
	};
}
