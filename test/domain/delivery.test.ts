import test from 'ava';
import {
	deliveryAfter,
	deliveryId,
	isFurther,
	isOvertaken,
	progressOf,
	type Delivery,
	type Outcome,
} from '../../domain/webhooks/delivery.ts';
import {judge, type AttemptContext} from '../../domain/webhooks/judgement.ts';
import {DEFAULT_RETRY_SCHEDULE_MS, expiresAtMs} from '../../domain/webhooks/schedule.ts';
import type {WebhookResponse} from '../../domain/ports/webhook-sender.ts';

const HOUR_MS = 3_600_000;

const context: AttemptContext = {
	attempt: 1,
	event: 'message',
	schedule: DEFAULT_RETRY_SCHEDULE_MS,
	firstAtMs: 1_000_000,
	nowMs: 1_000_000,
	random: 0,
};

const answer = (status: number, extra: Partial<Extract<WebhookResponse, {kind: 'answer'}>> = {}): WebhookResponse => ({
	kind: 'answer',
	status,
	body: '',
	durationMs: 3,
	...extra,
});

test('the same event for the same webhook is the same delivery, and ids sort by the time of the event', (t) => {
	const first = deliveryId('evt_01KWXF53SB0000000000000000', 'webhook-1');
	t.regex(first, /^dlv_01KWXF53SB[0-9A-HJKMNP-TV-Z]{16}$/);
	t.is(deliveryId('evt_01KWXF53SB0000000000000000', 'webhook-1'), first);
	t.not(deliveryId('evt_01KWXF53SB0000000000000000', 'webhook-2'), first);
	t.true(deliveryId('evt_01KWXF53SC0000000000000000', 'webhook-1') > first);
});

test('progress grows with the run, then the attempt, then the state', (t) => {
	const steps = [
		{run: 1, attempt: 0, state: 'queued'},
		{run: 1, attempt: 0, state: 'parked'},
		{run: 1, attempt: 1, state: 'waiting'},
		{run: 1, attempt: 2, state: 'waiting'},
		{run: 1, attempt: 2, state: 'dead'},
		{run: 2, attempt: 0, state: 'queued'},
		{run: 2, attempt: 1, state: 'delivered'},
	] as const;
	const progress = steps.map(progressOf);
	t.deepEqual(
		progress,
		progress.toSorted((a, b) => a - b),
	);
	t.is(new Set(progress).size, steps.length);
});

test('what waited and came due is parked further on, and parked again later still', (t) => {
	const step = (state: Outcome['state'], attempt: number, nextAttemptAtMs?: number): Outcome => ({
		...outcomeOf(attempt),
		state,
		...(nextAttemptAtMs !== undefined && {nextAttemptAtMs}),
	});
	const steps = [
		step('queued', 0),
		step('parked', 0, 10),
		step('parked', 0, 20),
		step('waiting', 1, 15),
		step('parked', 1, 12),
		step('parked', 1, 30),
		step('delivered', 2),
	];
	for (const [index, after] of steps.entries()) {
		for (const [earlier, before] of steps.entries())
			t.is(isFurther(after, before), index > earlier, `${index} ${earlier}`);
	}
});

test('a message is overtaken when its delivery went on without it', (t) => {
	const row = (changes: Partial<Delivery>): Delivery => ({
		...deliveryAfter(outcomeOf(2)),
		createdAt: new Date(0),
		run: 1,
		state: 'waiting',
		nextAttemptAt: new Date(9000),
		...changes,
	});
	const message = {run: 1, attempt: 2, dueAtMs: 9000};
	t.false(isOvertaken(message, row({})), 'its own');
	t.false(isOvertaken(message, row({attempts: 1})), 'the row lags behind');
	t.false(isOvertaken(message, row({nextAttemptAt: new Date(8000), state: 'parked'})), 'the row lags behind');
	t.false(isOvertaken({...message, run: 2, attempt: 0}, row({state: 'dead'})), 'a replay');
	t.true(isOvertaken(message, row({attempts: 3})), 'the attempt was made');
	t.true(isOvertaken(message, row({nextAttemptAt: new Date(9001)})), 'another message was queued in its place');
	t.true(isOvertaken({...message, dueAtMs: 0}, row({state: 'parked'})), 'the event itself, which was parked');
	t.true(isOvertaken(message, row({state: 'skipped', nextAttemptAt: null})), 'over');
	t.true(isOvertaken(message, row({run: 2, attempts: 0, state: 'queued'})), 'replayed');
});

test('any 2xx is a delivery; a redirect is a failure that says where it pointed', (t) => {
	t.is(judge(answer(204), context).state, 'delivered');
	const redirect = judge(answer(302, {location: 'https://elsewhere.example/'}), context);
	t.is(redirect.state, 'waiting');
	t.is(redirect.result.error, 'HTTP 302, redirect to https://elsewhere.example/ not followed');
});

test('410 ends the delivery and switches the webhook off', (t) => {
	const judgement = judge(answer(410), context);
	t.is(judgement.state, 'dead');
	t.true(judgement.gone);
});

test('a failure waits for its place in the schedule; Retry-After only ever extends it', (t) => {
	t.is(judge(answer(500), context).nextAttemptAtMs, 1_005_000);
	t.is(judge(answer(503, {retryAfterMs: 60_000}), context).nextAttemptAtMs, 1_060_000);
	t.is(judge(answer(503, {retryAfterMs: 1}), context).nextAttemptAtMs, 1_005_000);
});

test('jitter adds up to a tenth', (t) => {
	const schedule = [10_000];
	t.is(judge(answer(500), {...context, schedule}).nextAttemptAtMs, 1_010_000);
	t.is(judge(answer(500), {...context, schedule, random: 0.999_999}).nextAttemptAtMs, 1_011_000);
});

test('after the last place in the schedule the delivery is dead, with the reason', (t) => {
	const judgement = judge(answer(500), {...context, attempt: DEFAULT_RETRY_SCHEDULE_MS.length + 1});
	t.is(judgement.state, 'dead');
	t.is(judgement.reason, 'all 11 attempts failed');
});

test('Retry-After puts attempts off and kills nothing: what is asked beyond the time of a delivery is cut', (t) => {
	const schedule = [5000, 60_000];
	const asked = answer(503, {retryAfterMs: 2 * HOUR_MS});
	const expiryMs = expiresAtMs(schedule, context.firstAtMs);
	t.true(context.nowMs + 2 * HOUR_MS > expiryMs);
	let nowMs = context.nowMs;
	for (let attempt = 1; attempt <= schedule.length; attempt++) {
		const {state, nextAttemptAtMs = 0} = judge(asked, {...context, schedule, attempt, nowMs});
		t.is(state, 'waiting', `after attempt ${attempt}`);
		t.true(nextAttemptAtMs >= nowMs + (schedule[attempt - 1] ?? 0));
		t.true(Number.isInteger(nextAttemptAtMs));
		t.true(expiryMs - nextAttemptAtMs > 28 * 60_000, 'parked for long it is still attempted');
		// Each attempt takes as long as it may.
		nowMs = nextAttemptAtMs + 30_000;
	}
	t.like(judge(asked, {...context, schedule, attempt: 3, nowMs}), {state: 'dead', reason: 'all 3 attempts failed'});
});

test('Retry-After is honoured up to twelve hours', (t) => {
	const {nextAttemptAtMs} = judge(answer(503, {retryAfterMs: 30 * 24 * HOUR_MS}), context);
	t.is(nextAttemptAtMs, context.nowMs + 12 * HOUR_MS);
});

test('what was put off or parked for long has its last attempt before its time is up, and is expired after it', (t) => {
	const schedule = [HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS];
	const expiryMs = expiresAtMs(schedule, context.firstAtMs);
	const late = {...context, schedule, attempt: 2, nowMs: expiryMs - 9 * HOUR_MS};
	const {state, nextAttemptAtMs = 0} = judge(answer(500), late);
	t.is(state, 'waiting');
	t.is(nextAttemptAtMs, expiryMs - HOUR_MS / 2);
	t.like(judge(answer(500), {...late, attempt: 3, nowMs: nextAttemptAtMs + 100}), {state: 'dead', reason: 'expired'});
});

test('a test event is sent once', (t) => {
	const judgement = judge(
		{kind: 'failure', errorClass: 'connect', error: 'refused', durationMs: 1},
		{...context, event: 'test'},
	);
	t.is(judgement.state, 'dead');
	t.is(judgement.result.errorClass, 'connect');
});

test('a row shows what its last step left', (t) => {
	const row = deliveryAfter({
		...outcomeOf(3),
		nextAttemptAtMs: 9000,
		result: {status: 500, durationMs: 2, errorClass: 'status', error: 'HTTP 500', answer: 'no'},
	});
	t.is(row.attempts, 3);
	t.is(row.lastStatus, 500);
	t.is(row.nextAttemptAt?.getTime(), 9000);
	t.is(row.deliveredAt, null);
});

function outcomeOf(attempt: number): Outcome {
	return {
		deliveryId: 'dlv_1',
		eventId: 'evt_1',
		event: 'message',
		webhookId: 'w',
		userId: 'u',
		connectionId: 'c',
		run: 1,
		attempt,
		state: 'waiting',
		atMs: 5000,
		firstAtMs: 1000,
	};
}
