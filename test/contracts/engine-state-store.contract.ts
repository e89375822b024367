import type {TestFn} from 'ava';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `EngineStateStore` port promises. */
export function engineStateStoreContract(test: TestFn, harness: StoresHarness): void {
	test('engine states: a document is kept whole, by engine and session', async (t) => {
		await using fixture = await harness.open();
		const {engineStateStore} = fixture.stores;
		await engineStateStore.save('simulator', 'u_1_s_b', '{"status":"WORKING"}');
		await engineStateStore.save('simulator', 'u_1_s_b', '{"status":"FAILED","text":"👋"}');
		await engineStateStore.save('simulator', 'u_1_s_a', '{}');
		await engineStateStore.save('other', 'u_1_s_b', '');

		t.is(await engineStateStore.load('simulator', 'u_1_s_b'), '{"status":"FAILED","text":"👋"}');
		t.is(await fixture.others.engineStateStore.load('other', 'u_1_s_b'), '');
		t.is(await engineStateStore.load('simulator', 'unknown'), undefined);
		t.deepEqual(await engineStateStore.list('simulator'), ['u_1_s_a', 'u_1_s_b']);
		t.deepEqual(await engineStateStore.list('unknown'), []);
	});

	test('engine states: what is removed is gone, repeatedly', async (t) => {
		await using fixture = await harness.open();
		const {engineStateStore} = fixture.stores;
		await engineStateStore.save('simulator', 'a', '1');
		await engineStateStore.save('simulator', 'b', '2');
		await engineStateStore.remove('simulator', 'a');
		await engineStateStore.remove('simulator', 'a');

		t.is(await engineStateStore.load('simulator', 'a'), undefined);
		t.deepEqual(await engineStateStore.list('simulator'), ['b']);
	});

	test('engine states: first saves at the same time leave one document', async (t) => {
		await using fixture = await harness.open();
		const states = Array.from({length: 20}, (_, index) => `state ${index}`);
		await Promise.all(
			states.map((state, index) => {
				const {engineStateStore} = index % 2 === 0 ? fixture.stores : fixture.others;
				return engineStateStore.save('simulator', 'a', state);
			}),
		);

		t.deepEqual(await fixture.stores.engineStateStore.list('simulator'), ['a']);
		t.true(states.includes((await fixture.stores.engineStateStore.load('simulator', 'a')) ?? ''));
	});
}
