import test, {type ExecutionContext} from 'ava';
import {createTopology} from '../../config/topology.ts';
import {Lane} from '../../dispatchers/webhook/lane.ts';
import {chooseWaitLevel} from '../../domain/broker/publisher.ts';
import type {Clock} from '../../domain/ports/clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DELIVERIES = 100_000;

/** After a failed attempt, by its own schedule; short, so that there are many attempts. */
const RETRY_MS = 5 * MINUTE;

/** A message is due when less than this is left. */
const DUE_WITHIN_MS = 500;

const {waitLevels} = createTopology('simulated');

/** How many messages it takes to let one delivery wait. */
function messagesFor(delayMs: number): number {
	let count = 0;
	for (let leftMs = delayMs; leftMs >= DUE_WITHIN_MS; count++) {
		leftMs -= chooseWaitLevel(waitLevels, leftMs + DUE_WITHIN_MS).delayMs;
	}
	return count;
}

interface Load {
	/** Messages on the broker in each hour. */
	readonly messages: readonly number[];
	/** Attempts in each hour. */
	readonly attempts: readonly number[];
	/** When everything was delivered; undefined if it was not. */
	readonly doneMs: number | undefined;
}

/**
 * All deliveries of one endpoint, through the lane that decides about them, in simulated time. What waits in the broker lies in
 * one list for each second.
 * @param isBackAtMs until then the endpoint refuses every connection
 */
async function simulate({hours, isBackAtMs = Infinity}: {hours: number; isBackAtMs?: number}): Promise<Load> {
	const clock = {nowMs: 0, now: () => clock.nowMs, after: () => ({[Symbol.dispose]: () => undefined})};
	const lane = new Lane();
	const messages = Array.from({length: hours}, () => 0);
	const attempts = Array.from({length: hours}, () => 0);
	const waiting = new Map<number, number[]>();
	let left = DELIVERIES;
	const wait = (parked: number, untilMs: number): void => {
		const second = Math.ceil(untilMs / SECOND);
		const others = waiting.get(second);
		if (others === undefined) waiting.set(second, [parked]);
		else others.push(parked);
	};
	for (let index = 0; index < DELIVERIES; index++) wait(0, 0);
	for (; clock.nowMs < hours * HOUR && left > 0; clock.nowMs += SECOND) {
		const hour = Math.floor(clock.nowMs / HOUR);
		const due = waiting.get(clock.nowMs / SECOND) ?? [];
		waiting.delete(clock.nowMs / SECOND);
		for (const parked of due) {
			const admission = await lane.enter(clock.nowMs, false, {parked});
			if (admission.kind === 'park') {
				messages[hour] = (messages[hour] ?? 0) + messagesFor(admission.untilMs - clock.nowMs);
				wait(parked + 1, admission.untilMs);
			}
			if (admission.kind !== 'run') continue;
			const isBack = clock.nowMs >= isBackAtMs;
			attempts[hour] = (attempts[hour] ?? 0) + 1;
			await lane.run(admission, {
				clock: clock satisfies Clock,
				attempt: () => Promise.resolve(isBack),
				isAlive: (alive) => alive,
			});
			if (isBack) left--;
			else wait(0, clock.nowMs + RETRY_MS);
		}
	}
	return {messages, attempts, doneMs: left === 0 ? clock.nowMs : undefined};
}

function perDelivery(messages: number | undefined): number {
	return (messages ?? NaN) / DELIVERIES;
}

test('100,000 deliveries that are parked for a dead endpoint are about 56 messages a second, and few attempts', async (t: ExecutionContext) => {
	t.timeout(120_000);
	const {messages, attempts} = await simulate({hours: 4});
	t.log(`messages per delivery and hour: ${messages.map((count) => perDelivery(count).toFixed(2)).join(', ')}`);
	t.log(`attempts in each hour: ${attempts.join(', ')}`);
	// Up to twenty on the way to half an hour, however many came at once, then two an hour each.
	t.true(perDelivery(messages[0]) <= 20, `${perDelivery(messages[0])}`);
	for (const count of messages.slice(1)) t.true(perDelivery(count) <= 2.1, `${perDelivery(count)}`);
	t.true((attempts[0] ?? NaN) <= 60);
	for (const count of attempts.slice(1)) t.true(count <= 13, 'a probe every five minutes');
});

test('an endpoint that was away for a minute has everything within minutes; after hours, within half an hour', async (t) => {
	t.timeout(120_000);
	const short = await simulate({hours: 2, isBackAtMs: MINUTE});
	t.true((short.doneMs ?? NaN) <= 8 * MINUTE, `${short.doneMs}`);
	const long = await simulate({hours: 4, isBackAtMs: 2 * HOUR});
	t.true((long.doneMs ?? NaN) <= 2 * HOUR + 40 * MINUTE, `${long.doneMs}`);
});
