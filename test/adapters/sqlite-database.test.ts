import {statSync} from 'node:fs';
import {chmod, mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import type {Sync} from '../../adapters/sqlite/write-ahead-log.ts';
import {SetupError, StoreUnavailableError} from '../../domain/errors.ts';
import {eventually} from '../support/eventually.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const MIGRATIONS = ['CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)'];

interface Fixture extends AsyncDisposable {
	readonly path: string;
	open(migrations?: readonly string[], sync?: Sync): SqliteDatabase;
}

async function createFixture(): Promise<Fixture> {
	const folder = await createTemporaryFolder();
	const path = join(folder.path, 'notes.db');
	const opened: SqliteDatabase[] = [];
	return {
		path,
		open(migrations = MIGRATIONS, sync) {
			const database = new SqliteDatabase({path, migrations, sync});
			opened.push(database);
			return database;
		},
		async [Symbol.asyncDispose]() {
			for (const database of opened) await database[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

function insert(database: SqliteDatabase, text: string): Promise<unknown> {
	return database.write(() => database.prepare('INSERT INTO note (text) VALUES (?)').run(text));
}

function notes(database: SqliteDatabase): readonly unknown[] {
	return database
		.prepare('SELECT text FROM note ORDER BY id')
		.all()
		.map(({text}) => text);
}

function refusesToOpen(t: ExecutionContext, open: () => unknown, message: RegExp): void {
	const error = t.throws(open, {instanceOf: SetupError, message});
	t.false(error.message.includes('\n'));
}

test('a resolved write is there after closing and opening again', async (t) => {
	await using fixture = await createFixture();
	const first = fixture.open();
	await insert(first, 'kept');
	await first[Symbol.asyncDispose]();
	t.deepEqual(notes(fixture.open()), ['kept']);
});

test('a new file, and what lies beside it, is for this user only; the mode of one that is there stays', async (t) => {
	await using fixture = await createFixture();
	const first = fixture.open();
	await insert(first, 'private');
	for (const path of [fixture.path, `${fixture.path}-wal`]) t.is(statSync(path).mode & 0o777, 0o600, path);
	await first[Symbol.asyncDispose]();
	await chmod(fixture.path, 0o640);
	await insert(fixture.open(), 'shared by the operator');
	for (const path of [fixture.path, `${fixture.path}-wal`]) t.is(statSync(path).mode & 0o777, 0o640, path);
});

test('closing finishes what is pending', async (t) => {
	await using fixture = await createFixture();
	const first = fixture.open();
	const pending = Array.from({length: 2500}, (_, index) => insert(first, String(index)));
	await first[Symbol.asyncDispose]();
	await Promise.all(pending);
	t.is(notes(fixture.open()).length, 2500);
});

test('writes of one turn share a transaction and resolve after its commit, in order', async (t) => {
	await using fixture = await createFixture();
	const database = fixture.open();
	const steps: string[] = [];
	const write = async (name: string): Promise<void> => {
		await database.write(() => steps.push(`run ${name}`));
		steps.push(`committed ${name}`);
	};
	await Promise.all([write('a'), write('b'), write('c')]);
	t.deepEqual(steps, ['run a', 'run b', 'run c', 'committed a', 'committed b', 'committed c']);
});

/** Syncs that wait until a test ends them. */
class HeldSyncs {
	readonly #held: PromiseWithResolvers<undefined>[] = [];

	readonly sync: Sync = () => {
		const held = Promise.withResolvers<undefined>();
		this.#held.push(held);
		return held.promise;
	};

	get count(): number {
		return this.#held.length;
	}

	async succeed(): Promise<void> {
		await eventually(() => this.count > 0);
		this.#held.shift()?.resolve(undefined);
	}

	async fail(): Promise<void> {
		await eventually(() => this.count > 0);
		this.#held.shift()?.reject(new Error('EIO: i/o error, fdatasync'));
	}
}

test('a write is told when it is on disk, and not before; those that come meanwhile share the next sync', async (t) => {
	await using fixture = await createFixture();
	const syncs = new HeldSyncs();
	const database = fixture.open(MIGRATIONS, syncs.sync);
	const told: string[] = [];
	const write = async (text: string): Promise<void> => {
		await insert(database, text);
		told.push(text);
	};
	const first = write('a');
	await eventually(() => syncs.count === 1);
	const others = [write('b'), write('c')];
	await new Promise((resolve) => setTimeout(resolve, 20));
	t.deepEqual(told, []);
	t.deepEqual(notes(database), ['a'], 'committed, and seen, but the disk may not have it yet');
	await syncs.succeed();
	await first;
	t.deepEqual(told, ['a']);
	await syncs.succeed();
	await Promise.all(others);
	t.deepEqual(told, ['a', 'b', 'c']);
	t.is(syncs.count, 0);
});

test('where the log cannot be synced, it is copied into the database’s own file, which is', async (t) => {
	await using fixture = await createFixture();
	const syncs = new HeldSyncs();
	const database = fixture.open(MIGRATIONS, syncs.sync);
	const write = insert(database, 'kept');
	t.true(statSync(`${fixture.path}-wal`).size > 0);
	await syncs.fail();
	await write;
	t.is(statSync(`${fixture.path}-wal`).size, 0);
	const next = insert(database, 'as ever');
	await syncs.succeed();
	await next;
	t.deepEqual(notes(database), ['kept', 'as ever']);
});

test('what the disk does not take is not told as written, nor is anything after it until all of it is on disk', async (t) => {
	await using fixture = await createFixture();
	const syncs = new HeldSyncs();
	const database = fixture.open(MIGRATIONS, syncs.sync);
	const before = insert(database, 'before');
	await syncs.succeed();
	await before;
	// Nothing is copied into the file while somebody reads from it.
	const reader = database.prepare('SELECT text FROM note').iterate();
	reader.next();
	const first = insert(database, 'first');
	await syncs.fail();
	await t.throwsAsync(first, {instanceOf: StoreUnavailableError});
	await t.throwsAsync(insert(database, 'second'), {instanceOf: StoreUnavailableError});
	t.is(syncs.count, 0, 'a sync that succeeds now would prove nothing');
	reader.return?.();
	await insert(database, 'third');
	t.is(statSync(`${fixture.path}-wal`).size, 0);
	t.deepEqual(notes(database), ['before', 'first', 'second', 'third']);
});

test('closing waits for the disk', async (t) => {
	await using fixture = await createFixture();
	const syncs = new HeldSyncs();
	const database = fixture.open(MIGRATIONS, syncs.sync);
	const write = insert(database, 'kept');
	const closing = database[Symbol.asyncDispose]();
	await syncs.succeed();
	await Promise.all([write, closing]);
	t.deepEqual(notes(fixture.open()), ['kept']);
});

test('a flood of writes leaves room for other work in between', async (t) => {
	await using fixture = await createFixture();
	const database = fixture.open();
	let finished = 0;
	const flood = Array.from({length: 5000}, async (_, index) => {
		await insert(database, String(index));
		finished++;
	});
	const seen: number[] = [];
	while (finished < 5000) {
		await new Promise((resolve) => setImmediate(resolve));
		seen.push(finished);
	}
	await Promise.all(flood);
	t.true(seen.length >= 5, seen.join(' '));
});

test('what one caller fails at does not undo the work of others', async (t) => {
	await using fixture = await createFixture();
	const database = fixture.open();
	const results = await Promise.allSettled([
		insert(database, 'before'),
		database.write(() => {
			database.prepare('INSERT INTO note (text) VALUES (?)').run('half');
			throw new RangeError('second half');
		}),
		insert(database, 'before'),
		insert(database, 'after'),
	]);
	t.deepEqual(
		results.map(({status}) => status),
		['fulfilled', 'rejected', 'rejected', 'fulfilled'],
	);
	t.true(results[1].status === 'rejected' && results[1].reason instanceof RangeError);
	t.deepEqual(notes(database), ['before', 'after']);
});

test('a full disk fails the whole transaction, and the next one is not affected', async (t) => {
	await using fixture = await createFixture();
	const database = fixture.open();
	const {page_count: pages} = database.prepare('PRAGMA page_count').get() ?? {};
	database.prepare(`PRAGMA max_page_count=${Number(pages) + 2}`).get();
	const results = await Promise.allSettled([insert(database, 'small'), insert(database, 'x'.repeat(100_000))]);
	for (const result of results) {
		t.true(result.status === 'rejected' && result.reason instanceof StoreUnavailableError);
	}
	database.prepare('PRAGMA max_page_count=1000000').get();
	await insert(database, 'enough room');
	t.deepEqual(notes(database), ['enough room']);
});

test('a closed database refuses to write', async (t) => {
	await using fixture = await createFixture();
	const database = fixture.open();
	await database[Symbol.asyncDispose]();
	await database[Symbol.asyncDispose]();
	await t.throwsAsync(
		database.write(() => undefined),
		{instanceOf: StoreUnavailableError},
	);
});

test('each migration runs once', async (t) => {
	await using fixture = await createFixture();
	const first = fixture.open();
	await insert(first, 'old');
	await first[Symbol.asyncDispose]();
	const migrations = [...MIGRATIONS, "ALTER TABLE note ADD COLUMN state TEXT NOT NULL DEFAULT 'new'"];
	const second = fixture.open(migrations);
	t.deepEqual({...second.prepare('SELECT text, state FROM note').get()}, {text: 'old', state: 'new'});
	await second[Symbol.asyncDispose]();
	t.notThrows(() => fixture.open(migrations));
});

test('a migration that fails leaves the file as it was', async (t) => {
	await using fixture = await createFixture();
	const first = fixture.open();
	await insert(first, 'kept');
	await first[Symbol.asyncDispose]();
	refusesToOpen(t, () => fixture.open([...MIGRATIONS, 'DELETE FROM note; nonsense']), /syntax error/);
	t.deepEqual(notes(fixture.open()), ['kept']);
});

test('a file of a newer version is refused and left alone', async (t) => {
	await using fixture = await createFixture();
	await fixture.open([...MIGRATIONS, 'CREATE TABLE later (id INTEGER)'])[Symbol.asyncDispose]();
	refusesToOpen(t, () => fixture.open(), /newer version/);
	t.notThrows(() => fixture.open([...MIGRATIONS, 'CREATE TABLE later (id INTEGER)']));
});

test('a file that is open already is refused', async (t) => {
	await using fixture = await createFixture();
	const first = fixture.open();
	refusesToOpen(t, () => fixture.open(), /in use by another process/);
	await insert(first, 'still works');
	t.deepEqual(notes(first), ['still works']);
});

test('what cannot be opened as a database is refused', async (t) => {
	await using fixture = await createFixture();
	await writeFile(fixture.path, 'This is text, which somebody put here by mistake. '.repeat(100));
	refusesToOpen(t, () => fixture.open(), /cannot be opened .*DATA_DIR/);

	await using another = await createFixture();
	await mkdir(another.path);
	refusesToOpen(t, () => another.open(), /cannot be opened .*DATA_DIR/);
});
