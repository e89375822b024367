import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {RecentIds} from '../../domain/ports/recent-ids.ts';
import {eventually} from '../support/eventually.ts';

export interface RecentIdsFixture extends AsyncDisposable {
	readonly recent: RecentIds;
	/** What another process knows; the same one where there is only one process. */
	readonly other: RecentIds;
}

export interface RecentIdsHarness {
	start(): Promise<RecentIdsFixture>;
}

/** What every adapter of the `RecentIds` port promises. */
export function recentIdsContract(test: TestFn, harness: RecentIdsHarness): void {
	test('an id is known once it was noted, and only that id', async (t) => {
		await using fixture = await harness.start();
		const id = `evt_${randomUUID()}`;
		t.false(await fixture.recent.has(id));
		fixture.recent.note(id);
		t.true(await fixture.recent.has(id));
		for (const similar of [id.toUpperCase(), id.slice(0, -1), `${id}0`, `${id}*`, '']) {
			t.false(await fixture.recent.has(similar));
		}
	});

	test('asking for an id does not note it', async (t) => {
		await using fixture = await harness.start();
		const id = `evt_${randomUUID()}`;
		t.false(await fixture.recent.has(id));
		t.false(await fixture.recent.has(id));
		t.false(await fixture.other.has(id));
	});

	test('what one process noted, another knows', async (t) => {
		await using fixture = await harness.start();
		const id = `evt_${randomUUID()}`;
		fixture.recent.note(id);
		// Who is not told in time says no: the machine may be busy.
		await t.notThrowsAsync(eventually(() => fixture.other.has(id)));
	});

	test('noting an id again changes nothing', async (t) => {
		await using fixture = await harness.start();
		const id = `evt_${randomUUID()}`;
		fixture.recent.note(id);
		fixture.other.note(id);
		fixture.recent.note(id);
		t.true(await fixture.recent.has(id));
		t.true(await fixture.other.has(id));
	});

	test('thousands of ids are remembered', async (t) => {
		await using fixture = await harness.start();
		const ids = Array.from({length: 5000}, () => `evt_${randomUUID()}`);
		for (const id of ids) fixture.recent.note(id);
		const known = await Promise.all(ids.map((id) => fixture.recent.has(id)));
		t.is(known.filter(Boolean).length, ids.length);
	});
}
