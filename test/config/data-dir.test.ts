import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdirSync, readFileSync, statSync} from 'node:fs';
import {chmod, mkdir, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {DataDirectory} from '../../config/data-dir.ts';
import {SetupError} from '../../domain/errors.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const MODULE = join(import.meta.dirname, '../../config/data-dir.ts');
const SECRET = /^[0-9a-f]{64}$/;

/** Does something with a data directory in a process of its own. @param limit the largest file in blocks, as `ulimit -f` takes it */
async function inProcess(folder: string, action: string, limit = 'unlimited'): Promise<{code: number; output: string}> {
	const script = `
		import {DataDirectory} from ${JSON.stringify(MODULE)};
		const directory = new DataDirectory(${JSON.stringify(folder)});
		${action}
	`;
	const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
	const child = spawn('sh', ['-c', `ulimit -f ${limit}; exec "$@"`, 'sh', ...node], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let output = '';
	for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
	const [code] = (await once(child, 'close')) as [number];
	return {code, output};
}

test('a secret is made once, for this user only, and is the same ever after', async (t) => {
	await using folder = await createTemporaryFolder();
	const directory = new DataDirectory(join(folder.path, 'a', 'b'));
	const secret = directory.secret('x.secret', 'X_SECRET');
	t.regex(secret, SECRET);
	t.is(new DataDirectory(directory.path).secret('x.secret', 'X_SECRET'), secret);
	t.is(statSync(directory.file('x.secret')).mode & 0o777, 0o600);
	t.is(statSync(directory.path).mode & 0o777, 0o700);
	t.deepEqual(readdirSync(directory.path), ['x.secret'], 'nothing is left of the making');
});

test('processes that start at once agree on one secret', async (t) => {
	await using folder = await createTemporaryFolder();
	const path = join(folder.path, 'data');
	const action = `
		const startAt = ${Date.now() + 2000};
		while (Date.now() < startAt);
		for (let i = 0; i < 20; i++) console.log(directory.secret(i + '.secret', 'X_SECRET'));
	`;
	const runs = await Promise.all([1, 2, 3].map(() => inProcess(path, action)));
	t.deepEqual(
		runs.map(({code}) => code),
		[0, 0, 0],
		runs[0]?.output,
	);
	t.is(new Set(runs.map(({output}) => output)).size, 1);
	t.is(readdirSync(path).length, 20);
});

test('a secret that does not fit on the disk is told, and leaves nothing that the next start would take for one', async (t) => {
	await using folder = await createTemporaryFolder();
	const {code, output} = await inProcess(folder.path, `directory.secret('x.secret', 'X_SECRET');`, '0');
	t.is(code, 1);
	t.regex(output, /SetupError: .*x\.secret cannot be written \(EFBIG\)/);
	t.deepEqual(readdirSync(folder.path), []);
	t.regex(new DataDirectory(folder.path).secret('x.secret', 'X_SECRET'), SECRET);
});

test('a token that does not fit on the disk is told, and the one before stays', async (t) => {
	await using folder = await createTemporaryFolder();
	const directory = new DataDirectory(folder.path);
	directory.writeSecret('token', 'before');
	const {code, output} = await inProcess(folder.path, `directory.writeSecret('token', 'after');`, '0');
	t.is(code, 1);
	t.regex(output, /SetupError: .*token cannot be written \(EFBIG\)/);
	t.is(readFileSync(directory.file('token'), 'utf8'), 'before');
	t.deepEqual(readdirSync(folder.path), ['token']);
	directory.writeSecret('token', 'after');
	t.is(readFileSync(directory.file('token'), 'utf8'), 'after');
	t.is(statSync(directory.file('token')).mode & 0o777, 0o600);
});

for (const [what, content] of [
	['nothing', ''],
	['white space', '\n'],
	['half of a secret', 'a'.repeat(32)],
	['something else', 'correct horse battery staple'],
] as const) {
	test(`a secret's file that holds ${what} is refused, with what can be done`, async (t) => {
		await using folder = await createTemporaryFolder();
		await writeFile(join(folder.path, 'x.secret'), content);
		const error = t.throws(() => new DataDirectory(folder.path).secret('x.secret', 'X_SECRET'), {
			instanceOf: SetupError,
		});
		t.regex(error.message, /x\.secret is damaged.*put it back.*X_SECRET.*delete it/);
		t.is(readFileSync(join(folder.path, 'x.secret'), 'utf8'), content, 'it is left as it is');
	});
}

test('a secret with a line break at its end is taken: editors add it', async (t) => {
	await using folder = await createTemporaryFolder();
	await writeFile(join(folder.path, 'x.secret'), `${'0aF'.repeat(21)}0\n`);
	t.is(new DataDirectory(folder.path).secret('x.secret', 'X_SECRET'), `${'0aF'.repeat(21)}0`);
});

test('what stands in the way of a secret or a token is one line that says what to do', async (t) => {
	await using folder = await createTemporaryFolder();
	const directory = new DataDirectory(folder.path);
	for (const name of ['token', 'x.secret']) await mkdir(directory.file(name));
	const refuses = (act: () => unknown, message: RegExp): void => {
		t.notRegex(t.throws(act, {instanceOf: SetupError, message}).message, /\n/);
	};
	refuses(() => {
		directory.writeSecret('token', 'x');
	}, /token cannot be written \(EISDIR\): remove the folder of that name$/);
	refuses(() => directory.secret('x.secret', 'X_SECRET'), /x\.secret cannot be read \(EISDIR\): remove the folder/);
	await writeFile(directory.file('y.secret'), 'a'.repeat(64));
	await chmod(directory.file('y.secret'), 0);
	if (process.getuid?.() === 0) {
		t.log('not checked as root, who may read everything: a secret that belongs to somebody else');
	} else {
		refuses(() => directory.secret('y.secret', 'X_SECRET'), /y\.secret cannot be read \(EACCES\): .*chown/);
	}
});

test('a folder that cannot be is refused at once', async (t) => {
	await using folder = await createTemporaryFolder();
	await writeFile(join(folder.path, 'file'), '');
	await symlink(join(folder.path, 'nowhere'), join(folder.path, 'link'));
	for (const path of [
		join(folder.path, 'file'),
		join(folder.path, 'file', 'data'),
		join(folder.path, 'link', 'data'),
	]) {
		t.throws(() => new DataDirectory(path), {instanceOf: SetupError, message: /^DATA_DIR .* is not writable \(E\w+\)/});
	}
});

// On Linux, where Node itself never comes back from such a folder.
(process.platform === 'linux' ? test : test.skip)('a folder in /proc is refused at once', async (t) => {
	const {code, output} = await inProcess('/proc/1/nope/data', '');
	t.is(code, 1);
	t.regex(output, /SetupError: DATA_DIR \/proc\/1\/nope\/data is not writable \(ENOENT\)/);
});
