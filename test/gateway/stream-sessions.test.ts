import test from 'ava';
import {MemoryRollCall} from '../../adapters/system/memory-roll-call.ts';
import {FanoutUnavailableError, ForbiddenError, NotFoundError} from '../../domain/errors.ts';
import type {RollCall, RollCallAnswers} from '../../domain/ports/roll-call.ts';
import {StreamSessions} from '../../gateway/ws/stream-sessions.ts';
import {eventually} from '../support/eventually.ts';
import {StreamFixture, type Tenant} from '../support/stream-fixture.ts';

/** A roll call of processes some of which hear the question and say nothing. */
class UnevenRollCall implements RollCall {
	/** How many do. */
	silent = 0;
	/** Which questions all of them do not answer. */
	isUnanswered: (question: string) => boolean = () => false;
	readonly #inner = new MemoryRollCall();

	attend(answer: (question: string) => string): Promise<AsyncDisposable> {
		return this.#inner.attend(answer);
	}

	async ask(question: string): Promise<RollCallAnswers> {
		if (this.isUnanswered(question)) return {answers: [], missing: 2};
		return {...(await this.#inner.ask(question)), missing: this.silent};
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#inner[Symbol.asyncDispose]();
	}
}

/** Two processes: what one is asked the other answers, too. */
async function startTwo(resources: AsyncDisposableStack): Promise<{
	readonly here: StreamFixture;
	readonly there: StreamFixture;
	readonly rollCall: UnevenRollCall;
	readonly sessions: StreamSessions;
}> {
	const rollCall = resources.use(new UnevenRollCall());
	const fixtures = [resources.use(await StreamFixture.start()), resources.use(await StreamFixture.start())] as const;
	const [here, there] = fixtures;
	const [sessions, others] = fixtures.map(({stream}) => new StreamSessions({stream, rollCall}));
	if (sessions === undefined || others === undefined) throw new Error('there are two');
	resources.use(await sessions.attend());
	resources.use(await others.attend());
	return {here, there, rollCall, sessions};
}

/** The tenant in the other process. */
async function admit({stores}: StreamFixture, from: StreamFixture, {userId, tokenId}: Tenant): Promise<void> {
	const [user, token] = [await from.stores.userStore.find(userId), await from.stores.tokenStore.find(tokenId)];
	if (user === undefined || token === undefined) throw new Error('they are there');
	await stores.userStore.insert(user);
	await stores.tokenStore.insert(token);
}

test('a client is ended by its user in whatever process it is, and nobody else by it', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {here, there, sessions} = await startTwo(resources);
	const [alice, bob] = [await here.addTenant(), await here.addTenant()];
	await admit(there, here, alice);
	const doomed = await there.connect(alice);
	const spared = [await there.connect(alice), await here.connect(alice), await here.connect(bob)];
	const id = there.stream.clientsOf(alice.userId)[0]?.id ?? '';
	const [mine, stranger] = [await here.tickets.authenticate(alice.token), await here.tickets.authenticate(bob.token)];
	t.is((await sessions.list(mine)).length, 3);
	await t.throwsAsync(sessions.end(stranger, id), {instanceOf: ForbiddenError});
	await sessions.end(mine, id);
	t.deepEqual(await doomed.closed(), {code: 4010, reason: 'Ended by its user'});
	await eventually(() => there.stream.size === 1);
	await t.throwsAsync(sessions.end(mine, id), {instanceOf: NotFoundError});
	for (const probe of spared) t.true(probe.isOpen);
});

test('a list that lacks a process is none; who is found is ended all the same', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {here, rollCall, sessions} = await startTwo(resources);
	const alice = await here.addTenant();
	const doomed = await here.connect(alice);
	const identity = await here.tickets.authenticate(alice.token);
	rollCall.silent = 1;
	await t.throwsAsync(sessions.list(identity), {instanceOf: FanoutUnavailableError, message: /did not answer/});
	await t.throwsAsync(sessions.end(identity, 'somewhere'), {instanceOf: FanoutUnavailableError});
	await sessions.end(identity, here.stream.clientsOf(alice.userId)[0]?.id ?? '');
	t.is((await doomed.closed()).code, 4010);
});

test('an end that its process does not confirm is not told as one', async (t) => {
	await using resources = new AsyncDisposableStack();
	const {here, rollCall, sessions} = await startTwo(resources);
	const alice = await here.addTenant();
	await here.connect(alice);
	const identity = await here.tickets.authenticate(alice.token);
	const id = here.stream.clientsOf(alice.userId)[0]?.id ?? '';
	rollCall.isUnanswered = (question) => question.includes('"end"');
	await t.throwsAsync(sessions.end(identity, id), {instanceOf: FanoutUnavailableError});
});
