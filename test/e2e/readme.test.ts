import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {freePort, GatewayProcess} from '../support/gateway-process.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const API_GUIDE = readFileSync(join(ROOT, 'docs/api.md'), 'utf8');

/** The lines of a document that are meant to be pasted into a shell, block by block. */
const shellBlocks = (markdown: string): readonly string[] =>
	[...markdown.matchAll(/```sh\n(.*?)```/gs)].map(([, code = '']) => code);

/** Lines to paste, with ports of this test's own. */
function withPorts(lines: string, port: number, receiverPort: number): string {
	return (
		`trap 'kill $(jobs -p) 2> /dev/null' EXIT\n${lines}`
			// The suite keeps the machine busier than a newcomer does.
			.replaceAll('sleep 1', 'sleep 3')
			.replaceAll('127.0.0.1:3001', `127.0.0.1:${port}`)
			.replaceAll('127.0.0.1:4000', `127.0.0.1:${receiverPort}`)
			.replaceAll('listen(4000', `listen(${receiverPort}`)
	);
}

test('the lines of the quick start work as pasted', async (t) => {
	await using folder = await createTemporaryFolder();
	await using gateway = await GatewayProcess.start({env: {DATA_DIR: join(folder.path, 'data')}});
	const lines = shellBlocks(README).find((code) => code.includes('export TOKEN')) ?? 'exit 9';
	const script = withPorts(lines, gateway.port, await freePort());
	const {stdout} = await promisify(execFile)('bash', ['-c', script], {cwd: folder.path, timeout: 60_000});

	t.regex(stdout, /"value":"iVBOR/, 'a QR code');
	t.regex(stdout, /"status":"connected"/);
	t.regex(stdout, /message \{"id":"evt_/, 'the receiver saw the message');
	t.regex(stdout, /"status":"delivered"/);
	t.regex(stdout, /"id":"true_15550001234@c\.us_/, 'the message was sent');
	t.false(stdout.includes('"statusCode"'), stdout);
});

test('the lines of docs/api.md work as pasted, every one of them', async (t) => {
	await using folder = await createTemporaryFolder();
	await using gateway = await GatewayProcess.start({env: {DATA_DIR: join(folder.path, 'data')}});
	const script = withPorts(shellBlocks(API_GUIDE).join(''), gateway.port, await freePort());
	const calls = script.match(/\bcall (-X|"?\$API)/g)?.length ?? 0;
	t.true(calls > 25);
	// Each answer is told with its status, on standard error so that `field` does not see it.
	const counting = script.replace('curl -sS', "curl -sS -w '%{stderr}%{method} %{url} %{http_code}\\n'");
	const {stdout, stderr} = await promisify(execFile)('bash', ['-c', counting], {cwd: folder.path, timeout: 90_000});
	const answers = stderr.trim().split('\n');
	t.is(answers.length, calls, stderr);
	for (const answer of answers) t.regex(answer, / 20[012]$/, stdout);
	t.regex(stdout, /"status":"connected"/);
	t.regex(stdout, /"success":true/);
	t.false(stdout.includes('"statusCode"'), stdout);
});
