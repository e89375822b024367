import {once} from 'node:events';
import {statSync} from 'node:fs';
import {readFile, writeFile} from 'node:fs/promises';
import {createServer, type AddressInfo} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {freePort, GatewayProcess} from '../support/gateway-process.ts';
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

test('the first start prints the token once, keeps it for its owner only, and later starts keep everything', async (t) => {
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
});

test('a port in use is one line that says what to do', async (t) => {
	await using folder = await createTemporaryFolder();
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const {port} = server.address() as AddressInfo;
	isOneLine(t, await runToExit({DATA_DIR: folder.path, PORT: String(port)}), /in use/, /PORT/);
	server.close();
});

test('a DATA_DIR that cannot be written is one line that says what to do', async (t) => {
	await using folder = await createTemporaryFolder();
	const file = join(folder.path, 'file');
	await writeFile(file, '');
	isOneLine(t, await runToExit({DATA_DIR: join(file, 'data')}), /DATA_DIR/, /not writable/);
});

test('a second process on one DATA_DIR is refused', async (t) => {
	await using folder = await createTemporaryFolder();
	await using _first = await GatewayProcess.start({env: {DATA_DIR: folder.path}});
	isOneLine(t, await runToExit({DATA_DIR: folder.path}), /in use by another process/);
});

test('all faults of the configuration are in one line', async (t) => {
	isOneLine(t, await runToExit({PORT: 'x', AMQP_URL: 'nonsense'}), /2 faults/, /PORT/, /AMQP_URL/);
	isOneLine(t, await runToExit({}, 'gateway'), /AMQP_URL/, /MONGODB_URL/);
});

test('nothing behind a URL is one line that names the variable', async (t) => {
	await using folder = await createTemporaryFolder();
	const port = await freePort();
	const redis = await runToExit({DATA_DIR: folder.path, REDIS_URL: `redis://127.0.0.1:${port}`});
	isOneLine(t, redis, /REDIS_URL/);
	const mongodb = await runToExit({
		DATA_DIR: folder.path,
		MONGODB_URL: 'mongodb://does-not-exist.invalid/x',
		...SECRETS,
	});
	isOneLine(t, mongodb, /MONGODB_URL/);
});
