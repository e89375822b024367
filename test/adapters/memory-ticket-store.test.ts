import test from 'ava';
import {MemoryTicketStore} from '../../adapters/system/memory-ticket-store.ts';
import {ticketStoreContract} from '../contracts/ticket-store.contract.ts';
import {ManualClock} from '../support/manual-clock.ts';

ticketStoreContract(test, {
	start: () => {
		const clock = new ManualClock();
		const tickets = new MemoryTicketStore({clock});
		return Promise.resolve({
			tickets,
			other: tickets,
			pass: (ms) => clock.advance(ms),
			[Symbol.asyncDispose]: () => Promise.resolve(),
		});
	},
});

test('tickets that nobody ever takes do not pile up', async (t) => {
	const tickets = new MemoryTicketStore({clock: new ManualClock()});
	for (let index = 0; index < 100_001; index++) await tickets.put(String(index), 'x', 60_000);
	t.is(await tickets.take('0'), undefined, 'the oldest is forgotten');
	t.is(await tickets.take('1'), 'x');
	t.is(await tickets.take('100000'), 'x');
});
