import {once} from 'node:events';
import {statSync} from 'node:fs';
import {chmod, mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {runToExit, type Exit} from '../support/run-to-exit.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const KEY = 'a'.repeat(32);
const SECRETS = {ENCRYPTION_KEY: KEY, INGESTION_SECRET: KEY};

/** One line that says what to do, and exit 1. */
function isOneLine(t: ExecutionContext, {code, stderr}: Exit, ...parts: readonly RegExp[]): void {
	t.is(code, 1, stderr);
	t.is(stderr.trim().split('\n').length, 1, stderr);
	for (const part of parts) t.regex(stderr, part);
}

// One after the other: each starts processes of its own, and the machine may have few cores.

test.serial(
	'the first start prints the token once, keeps it for its owner only, and later starts keep everything',
	async (t) => {
		await using folder = await createTemporaryFolder();
		const env = {DATA_DIR: join(folder.path, 'data')};
		await using process = await GatewayProcess.start({env});
		const token = await readFile(join(env.DATA_DIR, 'token'), 'utf8');
		t.regex(token, /^wh_[0-9a-f]{48}$/);
		t.is(process.output.split(token).length - 1, 1, 'printed once');
		for (const name of ['token', 'ingestion.secret', 'encryption.key']) {
			const path = join(env.DATA_DIR, name);
			t.is(statSync(path).mode & 0o777, 0o600, name);
		}
		t.is(statSync(env.DATA_DIR).mode & 0o777, 0o700, 'the databases are nobody else’s either');
		const health = await fetch(`${process.url}/api/health`);
		t.is(health.status, 200);
		await process.kill();
		await process.start();
		const tokens = await fetch(`${process.url}/api/tokens`, {headers: {authorization: `Bearer ${token}`}});
		t.is(tokens.status, 200);
		t.is(process.output.split(token).length - 1, 1, 'not printed again');
	},
);

test.serial('a port in use is one line that says what to do', async (t) => {
	await using folder = await createTemporaryFolder();
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const {port} = server.address() as AddressInfo;
	isOneLine(t, await runToExit({DATA_DIR: folder.path, PORT: String(port)}), /in use/, /PORT/);
	server.close();
});

test.serial('a DATA_DIR that cannot be written is one line that says what to do', async (t) => {
	await using folder = await createTemporaryFolder();
	const file = join(folder.path, 'file');
	await writeFile(file, '');
	isOneLine(t, await runToExit({DATA_DIR: join(file, 'data')}), /DATA_DIR/, /not writable/);
});

test.serial('a second process on one DATA_DIR is refused', async (t) => {
	await using folder = await createTemporaryFolder();
	await using _first = await GatewayProcess.start({env: {DATA_DIR: folder.path}});
	isOneLine(t, await runToExit({DATA_DIR: folder.path}), /in use by another process/);
});

test.serial('all faults of the configuration are in one line', async (t) => {
	isOneLine(t, await runToExit({PORT: 'x', AMQP_URL: 'nonsense'}), /2 faults/, /PORT/, /AMQP_URL/);
	isOneLine(t, await runToExit({}, 'gateway'), /AMQP_URL/, /MONGODB_URL/);
});

test('nothing behind a URL is one line that names the variable, after the time that a service needs to start', async (t) => {
	await using folder = await createTemporaryFolder();
	const host = '127.0.0.1:9';
	const run = (name: string, url: string): Promise<Exit> =>
		runToExit({DATA_DIR: join(folder.path, name), [name]: url, ...SECRETS});
	const exits = await Promise.all([
		run('REDIS_URL', `redis://${host}`),
		run('AMQP_URL', `amqp://${host}`),
		run('MONGODB_URL', 'mongodb://does-not-exist.invalid/x'),
	]);
	for (const [index, name] of [/REDIS_URL/, /AMQP_URL/, /MONGODB_URL/].entries()) {
		const exit = exits[index] ?? t.fail();
		isOneLine(t, exit, name);
		t.true(exit.tookMs > 25_000, String(exit.tookMs));
	}
});

test.serial('databases are for this user only, also in a folder that others may look into', async (t) => {
	await using folder = await createTemporaryFolder();
	await chmod(folder.path, 0o755);
	await using _process = await GatewayProcess.start({env: {DATA_DIR: folder.path}});
	for (const name of ['store.db', 'store.db-wal', 'broker.db', 'broker.db-wal']) {
		t.is(statSync(join(folder.path, name)).mode & 0o777, 0o600, name);
	}
});

test.serial('a generated secret that a full disk cut short is one line, not a secret', async (t) => {
	for (const [name, variable] of [
		['encryption.key', /ENCRYPTION_KEY/],
		['ingestion.secret', /INGESTION_SECRET/],
	] as const) {
		await using folder = await createTemporaryFolder();
		await writeFile(join(folder.path, name), '');
		isOneLine(t, await runToExit({DATA_DIR: folder.path}), /is damaged/, variable);
	}
});

test.serial('a token that cannot be written is one line, and the next start is a first start again', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'token');
	await mkdir(path);
	isOneLine(t, await runToExit({DATA_DIR: folder.path}), /token cannot be written \(EISDIR\): remove the folder/);
	await rm(path, {recursive: true});
	await using gateway = await GatewayProcess.start({env: {DATA_DIR: folder.path}});
	const authorization = `Bearer ${await readFile(path, 'utf8')}`;
	t.is((await fetch(`${gateway.url}/api/tokens`, {headers: {authorization}})).status, 200);
});

test.serial(
	'a disk that is full at a first start is one line, and the next start is a first start again',
	async (t) => {
		await using folder = await createTemporaryFolder();
		const env = {DATA_DIR: folder.path};
		{
			await using _first = await GatewayProcess.start({env});
		}
		{
			await using store = new SqliteDatabase({path: join(folder.path, 'store.db'), migrations: STORE_MIGRATIONS});
			await store.write(() => store.prepare('DELETE FROM users').run());
		}
		// Enough to open the databases, and for the token; not for what comes then.
		isOneLine(t, await runToExit(env, undefined, 24), /The store is not available: .*mend this, and start again/);
		await using gateway = await GatewayProcess.start({env});
		const authorization = `Bearer ${await readFile(join(folder.path, 'token'), 'utf8')}`;
		t.is((await fetch(`${gateway.url}/api/tokens`, {headers: {authorization}})).status, 200);
	},
);

test.serial('another ENCRYPTION_KEY than before is one line, until the key is said to be lost', async (t) => {
	await using folder = await createTemporaryFolder();
	const env = {DATA_DIR: folder.path};
	{
		await using _first = await GatewayProcess.start({env});
	}
	const path = join(folder.path, 'encryption.key');
	const key = await readFile(path, 'utf8');
	const other = {...env, ENCRYPTION_KEY: KEY};
	isOneLine(t, await runToExit(other), /^ENCRYPTION_KEY is not the one this store was written with/);
	await rm(path);
	isOneLine(t, await runToExit(env), /^ENCRYPTION_KEY is not the one this store was written with/);
	{
		await using same = await GatewayProcess.start({env: {...env, ENCRYPTION_KEY: key}});
		t.is((await fetch(`${same.url}/api/health`)).status, 200, 'it does not matter where the key comes from');
	}
	{
		await using _lost = await GatewayProcess.start({env: {...other, ENCRYPTION_KEY_LOST: 'yes'}});
	}
	isOneLine(t, await runToExit({...env, ENCRYPTION_KEY: key}), /^ENCRYPTION_KEY is not/);
	await using _after = await GatewayProcess.start({env: other});
});

test.serial('workers and folders that cannot be are one line', async (t) => {
	await using folder = await createTemporaryFolder();
	const DATA_DIR = folder.path;
	isOneLine(
		t,
		await runToExit({DATA_DIR, WAHA_WORKERS: 'http://n:%zz@127.0.0.1:3000'}),
		/WAHA_WORKERS\[0\].*write %25/,
	);
	if (process.platform === 'linux') {
		isOneLine(t, await runToExit({DATA_DIR: '/proc/x'}), /DATA_DIR \/proc\/x is not writable/);
		isOneLine(t, await runToExit({DATA_DIR, MEDIA_DIR: '/proc/1/nope'}), /MEDIA_DIR \/proc\/1\/nope is not writable/);
	}
});
