import {randomUUID} from 'node:crypto';
import type {TestFn} from 'ava';
import type {DeliveryQuery} from '../../domain/ports/delivery-store.ts';
import type {ListPosition} from '../../domain/ports/page.ts';
import type {Delivery, DeliveryState, Outcome} from '../../domain/webhooks/delivery.ts';
import {after, sampleEvent, sampleOutcome, T0} from '../support/samples.ts';
import {createRandom, shuffled} from '../support/shuffled.ts';
import type {StoresHarness} from './stores-harness.ts';

/** What every adapter of the `DeliveryStore` port promises. */
export function deliveryStoreContract(test: TestFn, harness: StoresHarness): void {
	test('deliveries: a step makes the row, and an attempt where there was one', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const waiting = sampleOutcome();
		const {result: _result, nextAttemptAtMs: _next, ...rest} = sampleOutcome({connectionId: null});
		const skipped: Outcome = {...rest, attempt: 0, state: 'skipped', reason: 'the webhook is switched off'};
		await deliveryStore.record([]);
		await deliveryStore.record([waiting, skipped]);

		const row: Delivery = {
			id: waiting.deliveryId,
			eventId: waiting.eventId,
			event: 'message',
			webhookId: waiting.webhookId,
			userId: waiting.userId,
			connectionId: waiting.connectionId,
			run: 1,
			attempts: 1,
			state: 'waiting',
			createdAt: T0,
			updatedAt: after(150),
			deliveredAt: null,
			nextAttemptAt: after(5150),
			lastStatus: 503,
			lastError: 'answered 503',
			reason: null,
		};
		t.deepEqual(await deliveryStore.find(waiting.deliveryId), row);
		t.deepEqual(await deliveryStore.listAttempts(waiting.deliveryId), [waiting]);
		t.like(await deliveryStore.find(skipped.deliveryId), {
			connectionId: null,
			state: 'skipped',
			attempts: 0,
			lastStatus: null,
			nextAttemptAt: null,
			reason: 'the webhook is switched off',
		});
		t.deepEqual(await deliveryStore.listAttempts(skipped.deliveryId), []);
		t.is(await deliveryStore.find('dlv_unknown'), undefined);
		t.deepEqual(await deliveryStore.listAttempts('dlv_unknown'), []);
	});

	test('deliveries: the row ends with the furthest step, the attempts are all there', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const life = lifeOf('parked', 'waiting', 'waiting', 'delivered');
		for (const outcome of life) await deliveryStore.record([outcome]);
		const last = life.at(-1) ?? sampleOutcome();

		t.like(await deliveryStore.find(last.deliveryId), {
			state: 'delivered',
			attempts: 3,
			createdAt: T0,
			updatedAt: new Date(last.atMs),
			deliveredAt: new Date(last.atMs),
			nextAttemptAt: null,
			lastStatus: 200,
			lastError: null,
		});
		t.deepEqual(await deliveryStore.listAttempts(last.deliveryId), life.slice(1));
	});

	test('deliveries: a large batch is recorded whole, also when it comes again', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const life = lifeOf('waiting', 'waiting', 'delivered');
		const others = Array.from({length: 250}, () => sampleOutcome({state: 'delivered'}));
		const [first, ...later] = life;
		if (first === undefined) return t.fail();
		// The steps of one delivery lie far apart.
		const batch = [first, ...others, ...later];
		for (let time = 0; time < 2; time++) {
			await deliveryStore.record(batch);
			t.like(await deliveryStore.find(first.deliveryId), {state: 'delivered', attempts: 3});
			t.deepEqual(await deliveryStore.listAttempts(first.deliveryId), life);
			const rows = await deliveryStore.findMany(others.map(({deliveryId}) => deliveryId));
			t.is(rows.filter(({state}) => state === 'delivered').length, others.length);
		}
	});

	test('deliveries: a late step moves nothing back, but its attempt is kept', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const [first, second, third] = lifeOf('waiting', 'waiting', 'dead');
		if (first === undefined || second === undefined || third === undefined) return t.fail();
		await deliveryStore.record([third]);
		const row = await deliveryStore.find(third.deliveryId);
		await deliveryStore.record([first]);
		await deliveryStore.record([second, third]);

		t.like(row, {state: 'dead', attempts: 3});
		t.deepEqual(await deliveryStore.find(third.deliveryId), row);
		t.deepEqual(await deliveryStore.listAttempts(third.deliveryId), [first, second, third]);
	});

	test('deliveries: an attempt that is told twice stays as it was told first', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const outcome = sampleOutcome();
		await deliveryStore.record([outcome]);
		await deliveryStore.record([{...outcome, atMs: outcome.atMs + 1000}]);

		t.deepEqual(await deliveryStore.listAttempts(outcome.deliveryId), [outcome]);
		t.like(await deliveryStore.find(outcome.deliveryId), {updatedAt: new Date(outcome.atMs)});
	});

	test('deliveries: a replay starts over, and the attempts of the run before stay', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const first = lifeOf('waiting', 'dead');
		const second = lifeOf('queued', 'delivered').map((outcome) => ({
			...outcome,
			run: 2,
			deliveryId: first[0]?.deliveryId ?? '',
			firstAtMs: T0.getTime() + 60_000,
		}));
		await deliveryStore.record(first);
		await deliveryStore.record(second.slice(0, 1));
		const id = first[0]?.deliveryId ?? '';
		t.like(await deliveryStore.find(id), {state: 'queued', run: 2, attempts: 0, createdAt: T0});
		await deliveryStore.record(second);

		t.like(await deliveryStore.find(id), {state: 'delivered', run: 2, attempts: 1, createdAt: T0});
		t.deepEqual(
			(await deliveryStore.listAttempts(id)).map(({run, attempt}) => [run, attempt]),
			[
				[1, 1],
				[1, 2],
				[2, 1],
			],
		);
	});

	for (const [from, to] of [
		[1, 25],
		[26, 50],
	] as const) {
		test(`deliveries: steps in any order and number end the same (orders ${from} to ${to})`, async (t) => {
			await using fixture = await harness.open();
			const {deliveryStore} = fixture.stores;
			const lives = [
				lifeOf('parked', 'waiting', 'waiting', 'parked', 'delivered'),
				lifeOf('waiting', 'waiting', 'dead'),
				twoRuns(),
			];
			await deliveryStore.record(lives.flat());
			const expected = await Promise.all(lives.map((life) => snapshot(life[0]?.deliveryId ?? '')));

			for (let seed = from; seed <= to; seed++) {
				const renamed = lives.map((life) => renameDelivery(life));
				const twice = renamed.flat().flatMap((outcome) => (seed % 2 === 0 ? [outcome] : [outcome, outcome]));
				await recordInBatches(shuffled([...renamed.flat(), ...twice], seed), seed);
				for (const [index, life] of renamed.entries()) {
					t.deepEqual(withoutId(await snapshot(life[0]?.deliveryId ?? '')), withoutId(expected[index]), `seed ${seed}`);
				}
			}

			/** Some batches one after another, some at the same time through both instances. */
			async function recordInBatches(outcomes: readonly Outcome[], seed: number): Promise<void> {
				const random = createRandom(seed);
				const batches: Outcome[][] = [];
				for (let start = 0; start < outcomes.length;) {
					const size = 1 + Math.floor(random() * 8);
					batches.push(outcomes.slice(start, start + size));
					start += size;
				}
				const half = Math.floor(batches.length / 2);
				for (const batch of batches.slice(0, half)) await deliveryStore.record(batch);
				await Promise.all(
					batches.slice(half).map((batch, index) => {
						const stores = index % 2 === 0 ? fixture.stores : fixture.others;
						return stores.deliveryStore.record(batch);
					}),
				);
			}

			async function snapshot(id: string) {
				return {row: await deliveryStore.find(id), attempts: await deliveryStore.listAttempts(id)};
			}
		});
	}

	test('deliveries: the first steps of one delivery may come through two processes at once', async (t) => {
		await using fixture = await harness.open();
		const lives = Array.from({length: 20}, () => lifeOf('waiting', 'waiting', 'delivered'));
		await Promise.all(
			lives.flatMap((life) =>
				life.map((outcome, index) => {
					const stores = index % 2 === 0 ? fixture.stores : fixture.others;
					return stores.deliveryStore.record([outcome]);
				}),
			),
		);

		for (const life of lives) {
			const id = life[0]?.deliveryId ?? '';
			t.like(await fixture.stores.deliveryStore.find(id), {state: 'delivered', attempts: 3});
			t.deepEqual(await fixture.stores.deliveryStore.listAttempts(id), life);
		}
	});

	test('deliveries: pages of a webhook go back in time without gaps or repeats', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const webhookId = randomUUID();
		const outcomes = Array.from({length: 11}, (_, index) =>
			sampleOutcome({webhookId, firstAtMs: T0.getTime() + Math.floor(index / 4)}),
		);
		await deliveryStore.record(shuffled(outcomes, 3));
		await deliveryStore.record([sampleOutcome()]);

		const expected = outcomes
			.map(({deliveryId: id, firstAtMs}) => ({id, firstAtMs}))
			.sort((a, b) => b.firstAtMs - a.firstAtMs || (a.id > b.id ? -1 : 1))
			.map(({id}) => id);
		const seen: string[] = [];
		let position: ListPosition | undefined;
		for (;;) {
			const page = await deliveryStore.listByWebhook(webhookId, {limit: 3, ...(position && {before: position})});
			seen.push(...page.map(({id}) => id));
			position = page.at(-1);
			if (page.length < 3) break;
		}
		t.deepEqual(seen, expected);
		t.deepEqual(await deliveryStore.listByWebhook(randomUUID(), {limit: 3}), []);
	});

	test('deliveries: a list is narrowed by state, event and time, and its pages go on as narrowed', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const webhookId = randomUUID();
		const states = ['delivered', 'dead', 'waiting', 'skipped', 'parked', 'queued'] as const;
		const outcomes = Array.from({length: 24}, (_, index) =>
			sampleOutcome({
				webhookId,
				state: states[index % states.length] ?? 'queued',
				event: index % 2 === 0 ? 'message' : 'message.ack',
				firstAtMs: T0.getTime() + index * 1000,
			}),
		).toReversed();
		await deliveryStore.record(shuffled(outcomes, 7));
		const idsOf = async (query: Omit<DeliveryQuery, 'limit'>, limit = 100) =>
			(await deliveryStore.listByWebhook(webhookId, {limit, ...query})).map(({id}) => id);
		const expected = (matches: (outcome: Outcome) => boolean) =>
			outcomes.filter(matches).map(({deliveryId}) => deliveryId);

		for (const chosen of [['dead'], ['skipped', 'dead'], ['delivered'], ['queued', 'parked', 'waiting'], states]) {
			const isChosen = ({state}: Outcome) => chosen.includes(state);
			t.deepEqual(await idsOf({states: chosen as DeliveryState[]}), expected(isChosen), chosen.join());
		}
		t.deepEqual(await idsOf({states: []}), []);
		t.deepEqual(
			await idsOf({event: 'message.ack'}),
			expected(({event}) => event === 'message.ack'),
		);
		const [from, to] = [after(3000), after(9000)];
		const isBetween = ({firstAtMs}: Outcome) => firstAtMs >= from.getTime() && firstAtMs < to.getTime();
		t.deepEqual(await idsOf({from, to}), expected(isBetween), 'from is part of it, to is not');
		const narrow: Omit<DeliveryQuery, 'limit'> = {states: ['delivered', 'waiting'], event: 'message', from: after(1)};
		const seen: string[] = [];
		let before: ListPosition | undefined;
		do {
			const page = await deliveryStore.listByWebhook(webhookId, {limit: 2, ...narrow, ...(before && {before})});
			seen.push(...page.map(({id}) => id));
			before = page.at(-1);
		} while (before !== undefined);
		t.deepEqual(seen, await idsOf(narrow));
		t.is(seen.length, 7);
	});

	test('deliveries: one that is parked again says when it is due now, and what the last attempt gave, in whatever order it is told', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const [waiting, ...parks] = lifeOf('waiting', 'parked', 'parked', 'parked');
		if (waiting === undefined) return t.fail();
		const steps = [waiting, ...parks];
		const last = parks.at(-1);
		for (const seed of [1, 2, 3, 4, 5, 6]) {
			const {deliveryId} = sampleOutcome();
			const told = shuffled(steps, seed).map((step) => ({...step, deliveryId}));
			if (seed % 2 === 0) await deliveryStore.record(told);
			else for (const step of told) await deliveryStore.record([step]);
			t.like(
				await deliveryStore.find(deliveryId),
				{
					state: 'parked',
					attempts: 1,
					updatedAt: new Date(last?.atMs ?? 0),
					nextAttemptAt: new Date(last?.nextAttemptAtMs ?? 0),
					lastStatus: 503,
					lastError: 'answered 503',
				},
				`order ${seed}`,
			);
			t.is((await deliveryStore.listAttempts(deliveryId)).length, 1);
		}
	});

	test('deliveries: of many who start the next run of a delivery one does, and only when the run before is over', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const [waiting, dead] = lifeOf('waiting', 'dead');
		if (waiting === undefined || dead === undefined) return t.fail();
		const {result: _result, nextAttemptAtMs: _next, reason: _reason, ...rest} = dead;
		const atMs = dead.atMs + 60_000;
		const queued: Outcome = {
			...rest,
			run: 2,
			attempt: 0,
			state: 'queued',
			atMs,
			firstAtMs: atMs,
			nextAttemptAtMs: atMs,
		};
		t.false(await deliveryStore.startRun(queued), 'there is no such delivery');
		await deliveryStore.record([waiting]);
		t.false(await deliveryStore.startRun(queued), 'it is under way');
		await deliveryStore.record([dead]);
		const racers = Array.from({length: 20}, (_, index) =>
			(index % 2 === 0 ? fixture.stores : fixture.others).deliveryStore.startRun(queued),
		);
		t.is((await Promise.all(racers)).filter(Boolean).length, 1);
		t.like(await deliveryStore.find(dead.deliveryId), {
			state: 'queued',
			run: 2,
			attempts: 0,
			createdAt: T0,
			updatedAt: new Date(atMs),
			nextAttemptAt: new Date(atMs),
			lastStatus: 503,
			reason: null,
		});
		await deliveryStore.record([waiting, dead]);
		t.like(await deliveryStore.find(dead.deliveryId), {state: 'queued', run: 2}, 'what is late moves nothing back');
		t.false(await deliveryStore.startRun({...queued, run: 3}), 'the second run is under way');
		await deliveryStore.record([{...rest, run: 2, attempt: 1, state: 'delivered', result: success, atMs: atMs + 5}]);
		t.like(await deliveryStore.find(dead.deliveryId), {state: 'delivered', run: 2, attempts: 1, lastStatus: 200});
		t.false(await deliveryStore.startRun(queued), 'there was a second run');
	});

	test('deliveries: one that is not there begins with run 1; of those who begin it at once, one does', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const {result: _, ...queued} = sampleOutcome({attempt: 0, state: 'queued'});
		const racers = Array.from({length: 20}, (_each, index) =>
			(index % 2 === 0 ? fixture.stores : fixture.others).deliveryStore.startRun(queued),
		);
		t.is((await Promise.all(racers)).filter(Boolean).length, 1);
		const row = await deliveryStore.find(queued.deliveryId);
		t.like(row, {
			state: 'queued',
			run: 1,
			attempts: 0,
			createdAt: T0,
			nextAttemptAt: new Date(queued.nextAttemptAtMs ?? NaN),
			lastStatus: null,
		});
		const dead = sampleOutcome({...queued, state: 'dead', attempt: 1});
		await deliveryStore.record([dead]);
		t.false(await deliveryStore.startRun(queued), 'it has been there');
		t.like(await deliveryStore.find(queued.deliveryId), {state: 'dead', attempts: 1});
	});

	test('deliveries: many are found at once, as far as they are there', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const outcomes = [sampleOutcome(), sampleOutcome(), sampleOutcome()];
		await deliveryStore.record(outcomes);
		const [first = '', second = ''] = outcomes.map(({deliveryId}) => deliveryId);
		const found = await deliveryStore.findMany([second, 'dlv_unknown', first]);
		t.deepEqual(found.map(({id}) => id).toSorted(), [first, second].toSorted());
		t.deepEqual(
			found.find(({id}) => id === first),
			await deliveryStore.find(first),
		);
		t.deepEqual(await deliveryStore.findMany([]), []);
	});

	test('deliveries: what should have been tried is overdue, the longest first, until it moves on', async (t) => {
		await using fixture = await harness.open();
		const {deliveryStore} = fixture.stores;
		const due = [40, 10, 30, 20].map((seconds) => sampleOutcome({nextAttemptAtMs: after(seconds * 1000).getTime()}));
		const [late, first, third, second] = due;
		if (late === undefined || first === undefined || second === undefined || third === undefined) return t.fail();
		const {result: _, ...untried} = second;
		await deliveryStore.record([
			...due.filter((outcome) => outcome !== second),
			{...untried, attempt: 0, state: 'parked'},
			...lifeOf('waiting', 'delivered'),
			...lifeOf('waiting', 'dead'),
		]);
		const overdueAt = async (seconds: number, limit = 10) =>
			(await deliveryStore.listOverdue(after(seconds * 1000), limit)).map(({id}) => id);
		const inOrder = [first, second, third].map(({deliveryId}) => deliveryId);
		t.deepEqual(await overdueAt(40), inOrder, 'not the one that is due at this very moment');
		t.deepEqual(await overdueAt(40, 2), inOrder.slice(0, 2));
		t.deepEqual(await overdueAt(10), []);
		await deliveryStore.record([{...first, nextAttemptAtMs: after(60_000).getTime()}]);
		t.deepEqual(await overdueAt(40), inOrder.slice(1));
	});
}

/** The steps of one delivery; a state that follows an attempt brings its result. */
function lifeOf(...states: readonly DeliveryState[]): readonly Outcome[] {
	const base = sampleOutcome();
	let attempt = 0;
	return states.map((state, index): Outcome => {
		const {result, nextAttemptAtMs: _, ...rest} = base;
		const atMs = base.firstAtMs + index * 1000;
		const tried = state === 'waiting' || state === 'dead' || state === 'delivered';
		attempt += tried ? 1 : 0;
		return {
			...rest,
			attempt,
			state,
			atMs,
			...(tried && result && {result: state === 'delivered' ? success : result}),
			...((state === 'waiting' || state === 'parked') && {nextAttemptAtMs: atMs + 5000}),
			...(state === 'dead' && {reason: 'the schedule is used up'}),
		};
	});
}

const success = {status: 200, durationMs: 12, errorClass: null, error: null, answer: ''};

/** Died, then replayed an hour later and delivered. */
function twoRuns(): readonly Outcome[] {
	const first = lifeOf('waiting', 'dead');
	const hour = 3_600_000;
	const second = lifeOf('queued', 'waiting', 'delivered').map((outcome) => ({
		...outcome,
		run: 2,
		atMs: outcome.atMs + hour,
		firstAtMs: outcome.firstAtMs + hour,
	}));
	const {deliveryId = '', eventId = '', webhookId = '', userId = '', connectionId = null} = first[0] ?? {};
	return [...first, ...second.map((outcome) => ({...outcome, deliveryId, eventId, webhookId, userId, connectionId}))];
}

/** The same life of another delivery. */
function renameDelivery(life: readonly Outcome[]): readonly Outcome[] {
	const {deliveryId} = sampleOutcome({eventId: sampleEvent().id});
	return life.map((outcome) => ({...outcome, deliveryId}));
}

function withoutId(snapshot: {row: Delivery | undefined; attempts: readonly Outcome[]} | undefined): unknown {
	return {
		row: {...snapshot?.row, id: ''},
		attempts: snapshot?.attempts.map((attempt) => ({...attempt, deliveryId: ''})),
	};
}
