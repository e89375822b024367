import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {TicketStore} from '../../domain/ports/ticket-store.ts';

export interface TicketStoreFixture extends AsyncDisposable {
	readonly tickets: TicketStore;
	/** As another process has it; the same one where there is only one process. */
	readonly other: TicketStore;
	/** Lets this time pass for tickets. */
	pass(ms: number): Promise<void>;
}

export interface TicketStoreHarness {
	start(): Promise<TicketStoreFixture>;
}

/** What every adapter of the `TicketStore` port promises. */
export function ticketStoreContract(test: TestFn, harness: TicketStoreHarness): void {
	test('a ticket is taken once, in whatever process', async (t) => {
		await using fixture = await harness.start();
		const {tickets, other} = fixture;
		const [first, second] = [randomUUID(), randomUUID()];
		await tickets.put(first, 'Grüße 1', 60_000);
		await tickets.put(second, '2', 60_000);
		t.is(await other.take(first), 'Grüße 1');
		t.is(await tickets.take(first), undefined);
		t.is(await other.take(first), undefined);
		t.is(await tickets.take(second), '2');
	});

	test('of many who take a ticket at once, one gets it', async (t) => {
		await using fixture = await harness.start();
		const {tickets, other} = fixture;
		const key = randomUUID();
		await tickets.put(key, 'x', 60_000);
		const taken = await Promise.all(Array.from({length: 20}, (_, index) => (index % 2 ? tickets : other).take(key)));
		t.deepEqual(
			taken.filter((value) => value !== undefined),
			['x'],
		);
	});

	test('a ticket that nobody took in its time is gone', async (t) => {
		await using fixture = await harness.start();
		const {tickets} = fixture;
		const [short, long] = [randomUUID(), randomUUID()];
		await tickets.put(long, 'long', 60_000);
		await tickets.put(short, 'short', 100);
		await fixture.pass(200);
		t.is(await tickets.take(short), undefined);
		t.is(await tickets.take(long), 'long');
	});

	test('an unknown ticket is undefined', async (t) => {
		await using fixture = await harness.start();
		t.is(await fixture.tickets.take(randomUUID()), undefined);
	});
}
