import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {freePort, GatewayProcess} from '../support/gateway-process.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The lines to paste, with ports of this test's own. */
function quickStart(port: number, receiverPort: number): string {
	const block = [...README.matchAll(/```sh\n(.*?)```/gs)]
		.map(([, code]) => code ?? '')
		.find((code) => code.includes('export TOKEN'));
	return (
		`trap 'kill $(jobs -p)' EXIT\n${block ?? 'exit 9'}`
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
	const script = quickStart(gateway.port, await freePort());
	const {stdout} = await promisify(execFile)('bash', ['-c', script], {cwd: folder.path, timeout: 60_000});

	t.regex(stdout, /"value":"iVBOR/, 'a QR code');
	t.regex(stdout, /"status":"connected"/);
	t.regex(stdout, /message \{"id":"evt_/, 'the receiver saw the message');
	t.regex(stdout, /"status":"delivered"/);
	t.regex(stdout, /"id":"true_15550001234@c\.us_/, 'the message was sent');
	t.false(stdout.includes('"statusCode"'), stdout);
});
