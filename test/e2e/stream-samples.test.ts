import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {newToken} from '../../domain/tokens/token.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, createLinkedConnection} from '../support/gateway-harness.ts';
import {requirePython} from '../support/python.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

// The samples of docs/realtime.md, as they stand there, with the clients that people really use.

const ROOT = join(import.meta.dirname, '../..');
const GUIDE = readFileSync(join(ROOT, 'docs/realtime.md'), 'utf8');

const gateway = await createGatewayHarness();
test.after.always(() => gateway[Symbol.asyncDispose]());

interface Program {
	readonly command: string;
	readonly args: readonly string[];
}

interface SessionView {
	readonly id: string;
	readonly transport: string;
	readonly lag: {readonly live: boolean};
}

function samplesIn(language: string): readonly string[] {
	return [...GUIDE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code = '']) => code);
}

/**
 * Runs a sample, cuts its connection while messages come, before it had one and after that, and expects it to print every message, once
 * and in order.
 */
async function follow(t: ExecutionContext, {command, args}: Program, transport: string): Promise<void> {
	const tenant = await gateway.createTenant();
	const connection = await createLinkedConnection(tenant);
	const env = {...process.env, GATEWAY: gateway.url, TOKEN: tenant.token};
	const child = spawn(command, args, {env, stdio: ['ignore', 'pipe', 'pipe']});
	const output = {text: '', errors: ''};
	child.stdout.on('data', (data: Buffer) => (output.text += data.toString()));
	child.stderr.on('data', (data: Buffer) => (output.errors += data.toString()));
	const ended = new Promise((resolve) => child.once('close', resolve));
	const bodies = (): readonly string[] =>
		output.text.split('\n').flatMap((line) => /^evt_\w+ (.*)$/.exec(line)?.[1] ?? []);
	const receive = (text: string): Promise<unknown> =>
		tenant.client.call('POST', `/simulator/connections/${connection.id}/message-from`, {from: '15550110000', text});
	const ids = new Set<string>();
	const live = (): Promise<SessionView> =>
		eventually(async () => {
			const sessions = await tenant.client.call<SessionView[]>('GET', '/ws/sessions');
			const [session] = sessions.filter(({id}) => !ids.has(id));
			if (session?.lag.live !== true) throw new Error(`it is not connected: ${output.errors}`);
			ids.add(session.id);
			return session;
		}, 30_000);
	try {
		const first = await live();
		t.is(first.transport, transport);
		gateway.dependencies.eventSource.stream.find(first.id)?.terminate();
		await receive('one');
		const second = await live();
		await eventually(() => bodies().length === 1);
		await receive('two');
		await eventually(() => bodies().length === 2);
		gateway.dependencies.eventSource.stream.find(second.id)?.terminate();
		await receive('three');
		await live();
		await receive('four');
		await eventually(() => bodies().includes('four'));
		t.deepEqual(bodies(), ['one', 'two', 'three', 'four'], output.errors);
	} finally {
		child.kill('SIGKILL');
		await ended;
	}
}

const [websocket, socketIo, eventSource] = samplesIn('ts');

for (const [name, code, transport] of [
	['ws', websocket, 'websocket'],
	['socket.io-client', socketIo, 'socket.io'],
	['EventSource', eventSource, 'sse'],
] as const) {
	test(`the TypeScript sample for ${name} prints every message, across a lost connection`, async (t) => {
		await using folder = await createTemporaryFolder();
		await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
		const file = join(folder.path, 'sample.ts');
		await writeFile(file, code ?? '');
		await follow(t, {command: process.execPath, args: [file]}, transport);
	});
}

const python = requirePython('websocket', 'socketio');
const [pythonWebsocket, pythonSocketIo] = samplesIn('python');

for (const [name, code, transport] of [
	['websocket-client', pythonWebsocket, 'websocket'],
	['python-socketio', pythonSocketIo, 'socket.io'],
] as const) {
	python.test(`the Python sample for ${name} prints every message, across a lost connection`, async (t) => {
		await follow(t, {command: python.path, args: ['-c', code ?? '']}, transport);
	});
}

python.test('the Python sample for websocket-client gives up when its token is no good', async (t) => {
	const env = {...process.env, GATEWAY: gateway.url, TOKEN: newToken()};
	const child = spawn(python.path, ['-c', pythonWebsocket ?? ''], {env, stdio: ['ignore', 'ignore', 'pipe']});
	let errors = '';
	child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
	const [code] = (await once(child, 'close')) as [number];
	t.is(code, 1);
	t.regex(errors, /the token is not good/);
});

test('the shell sample prints events', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = await createLinkedConnection(tenant);
	const [script] = samplesIn('sh');
	const env = {...process.env, GATEWAY: gateway.url, TOKEN: tenant.token};
	const child = spawn('bash', ['-c', `exec ${script ?? ''}`], {env, stdio: ['ignore', 'pipe', 'ignore']});
	let text = '';
	child.stdout.on('data', (data: Buffer) => (text += data.toString()));
	const ended = new Promise((resolve) => child.once('close', resolve));
	await eventually(() => text.includes('retry:'));
	const body = {from: '15550110000', text: 'hello'};
	await tenant.client.call('POST', `/simulator/connections/${connection.id}/message-from`, body);
	await eventually(() => /^id: evt_\w+\ndata: \{"id":"evt_\w+".*"hello".*\}\n\n/m.test(text));
	child.kill('SIGKILL');
	await ended;
	t.pass();
});

test('no sample of the guide is left out', (t) => {
	t.is(samplesIn('ts').length, 3);
	t.is(samplesIn('python').length, 2);
});
