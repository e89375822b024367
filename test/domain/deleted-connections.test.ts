import test from 'ava';
import {DeletedConnections} from '../../domain/connections/deleted-connections.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {sampleConnection} from '../support/samples.ts';

const CHANGE = {kind: 'connection', userId: 'u', connectionId: 'c', sessionName: 's'} as const;

/** A store with one connection, whose answers wait for the test. */
class OneConnection {
	deletedAt: Date | null = null;
	isAway = false;
	reads = 0;
	/** Answers come when this is called. */
	readonly answers: (() => void)[] = [];

	find(): Promise<Connection | undefined> {
		this.reads++;
		const found = sampleConnection({deletedAt: this.deletedAt});
		const {promise, resolve, reject} = Promise.withResolvers<Connection>();
		const failure = this.isAway ? new StoreUnavailableError('on purpose') : undefined;
		this.answers.push(() => {
			if (failure === undefined) resolve(found);
			else reject(failure);
		});
		return promise;
	}

	/** Gives the answer to the read of this number, the first by default. */
	async answer(read = 0): Promise<void> {
		this.answers[read]?.();
		await new Promise((resolve) => setImmediate(resolve));
	}
}

function create(): {store: OneConnection; deleted: DeletedConnections; log: RecordingLogger} {
	const [store, log] = [new OneConnection(), new RecordingLogger()];
	return {store, log, deleted: new DeletedConnections({store, log})};
}

test('nobody waits for the store, and it is asked once', async (t) => {
	const {store, deleted} = create();
	store.deletedAt = new Date();
	t.false(deleted.has('c'));
	t.false(deleted.has('c'));
	t.is(store.reads, 1);
	await store.answer();
	t.true(deleted.has('c'));
	t.is(store.reads, 1);
});

test('a deletion is known moments after it is told, whether the connection was asked for or not', async (t) => {
	const {store, deleted} = create();
	store.deletedAt = new Date();
	deleted.onChange(CHANGE);
	await store.answer();
	t.true(deleted.has('c'));
	t.is(store.reads, 1);
});

test('what was read before a deletion does not undo it', async (t) => {
	const {store, deleted} = create();
	t.false(deleted.has('c'));
	store.deletedAt = new Date();
	deleted.onChange(CHANGE);
	await store.answer(1);
	await store.answer(0);
	t.true(deleted.has('c'));
});

test('when changes may have been missed it is looked up again, and what was known counts until then', async (t) => {
	const {store, deleted} = create();
	store.deletedAt = new Date();
	deleted.onChange(CHANGE);
	await store.answer();
	deleted.onGap();
	t.true(deleted.has('c'));
	t.is(store.reads, 2);
});

test('who can wait is told when a connection was deleted, whether it is known yet or not', async (t) => {
	const {store, deleted} = create();
	store.deletedAt = new Date();
	const asked = [deleted.deletedAt('c'), deleted.deletedAt('c')];
	await store.answer();
	t.deepEqual(await Promise.all(asked), [store.deletedAt, store.deletedAt]);
	t.is(await deleted.deletedAt('c'), store.deletedAt);
	t.is(store.reads, 1);
	store.deletedAt = null;
	deleted.onGap();
	const again = deleted.deletedAt('c');
	await store.answer(1);
	t.is(await again, undefined);
	store.isAway = true;
	deleted.onGap();
	const untold = deleted.deletedAt('c');
	await store.answer(2);
	t.is(await untold, undefined, 'nobody waits for a store that is away');
});

test('while the store is away nothing is learnt, and it is asked again', async (t) => {
	const {store, deleted, log} = create();
	store.isAway = true;
	t.false(deleted.has('c'));
	await store.answer();
	t.is(log.of('connection.lookup.failed').length, 1);
	store.isAway = false;
	store.deletedAt = new Date();
	t.false(deleted.has('c'));
	await store.answer(1);
	t.true(deleted.has('c'));
});
