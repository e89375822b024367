import test from 'ava';
import type {CommandRecord, ReceiptLevel} from '../../domain/messaging/command.ts';
import {receiptLevelOf, statusOf, statusOfAck, timelineOf} from '../../domain/messaging/message-life.ts';
import {after, sampleCommand, T0} from '../support/samples.ts';

const FAILURE = {code: 'RECIPIENT_BLOCKED', message: 'blocked'} as const;

function sent(receipts: Partial<Record<ReceiptLevel, Date>>, changes: Partial<CommandRecord> = {}): CommandRecord {
	return sampleCommand({
		status: 'sent',
		sentTimestamp: T0.getTime() / 1000 + 2,
		updatedAt: after(9000),
		receipts,
		...changes,
	});
}

test('WAHA’s numbers of acknowledgements have levels; what tells nothing has none', (t) => {
	t.deepEqual(
		[-1, 1, 2, 3, 4].map((ack) => receiptLevelOf(ack)),
		['error', 'server', 'device', 'read', 'played'],
	);
	t.deepEqual(
		[-1, 1, 2, 3, 4].map((ack) => statusOfAck(ack)),
		['failed', 'sent', 'delivered', 'read', 'read'],
	);
	for (const ack of [0, 5, -2, '1', null, undefined, Number.NaN, {}]) {
		t.is(receiptLevelOf(ack), undefined);
		t.is(statusOfAck(ack), null);
	}
});

test('without an acknowledgement a message stands as its command does', (t) => {
	for (const status of ['queued', 'sending', 'sent', 'failed', 'unknown'] as const) {
		t.is(statusOf({status, receipts: {}}), status);
	}
});

test('the furthest acknowledgement counts, with gaps and in any order; an error only while nobody has the message', (t) => {
	const cases = [
		[['server'], 'sent'],
		[['server', 'device'], 'delivered'],
		[['read', 'server'], 'read'],
		[['played'], 'read'],
		[['error'], 'failed'],
		[['server', 'error'], 'failed'],
		[['error', 'device'], 'delivered'],
		[['error', 'read'], 'read'],
	] as const;
	for (const [levels, status] of cases) {
		const receipts = Object.fromEntries(levels.map((level) => [level, T0]));
		t.is(statusOf({status: 'sent', receipts}), status, levels.join(' '));
	}
	t.is(statusOf({status: 'unknown', receipts: {device: T0}}), 'delivered', 'it did go out');
});

test('a timeline tells each status once, when it was reached first, oldest first', (t) => {
	const receipts = {played: after(8000), server: after(3000), read: after(7000), device: after(5000)};
	t.deepEqual(timelineOf(sent(receipts, {createdAt: T0})), [
		{status: 'queued', at: T0},
		{status: 'sent', at: after(2000)},
		{status: 'delivered', at: after(5000)},
		{status: 'read', at: after(7000)},
	]);
});

test('a timeline of what did not go out ends with that, and with when it was known', (t) => {
	const cases = [
		{status: 'failed', failure: FAILURE},
		{status: 'unknown', failure: FAILURE},
		{status: 'sending', owner: 'a process'},
	] as const;
	for (const command of cases) {
		t.deepEqual(timelineOf(sampleCommand({...command, updatedAt: after(5000)})), [
			{status: 'queued', at: T0},
			{status: command.status, at: after(5000)},
		]);
	}
	t.deepEqual(timelineOf(sampleCommand({updatedAt: after(5000)})), [{status: 'queued', at: T0}]);
});

test('a timeline of what turned out to be sent after all tells both', (t) => {
	const record = sampleCommand({
		status: 'unknown',
		failure: FAILURE,
		updatedAt: after(1000),
		receipts: {device: after(4000)},
	});
	t.deepEqual(
		timelineOf(record).map(({status}) => status),
		['queued', 'unknown', 'delivered'],
	);
});

test('an engine whose clock is behind does not send before it was asked to', (t) => {
	const record = sent({server: after(-60_000), device: after(-50_000), read: after(2500)}, {sentTimestamp: 1});
	t.deepEqual(timelineOf(record), [
		{status: 'queued', at: T0},
		{status: 'sent', at: T0},
		{status: 'delivered', at: T0},
		{status: 'read', at: after(2500)},
	]);
});
