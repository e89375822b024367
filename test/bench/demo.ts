import {readFileSync} from 'node:fs';
import {ApiClient} from '../support/api-client.ts';
import {eventually} from '../support/eventually.ts';
import {StreamClient} from '../support/stream-client.ts';
import {isSigned, WebhookSink} from '../support/webhook-sink.ts';

/** The quick start by itself, against a running server: `npm run demo`. URL and TOKEN name another server than the local one. */
const URL_BASE = process.env['URL'] ?? 'http://127.0.0.1:3001';
const STEP_TIMEOUT_MS = 5000;

interface Connection {
	readonly id: string;
	readonly status: string;
	readonly phoneNumber: string | null;
}

interface LogEntry {
	readonly eventType: string;
	readonly status: string;
	readonly attempts: number;
}

const startedAt = performance.now();

function say(what: string, saw: string): void {
	console.log(`${((performance.now() - startedAt) / 1000).toFixed(2).padStart(5)} s  ${what.padEnd(24)} ${saw}`);
}

function readToken(): string {
	try {
		return process.env['TOKEN'] ?? readFileSync('data/token', 'utf8').trim();
	} catch {
		throw new Error('no token: start the server with `npm start` in this folder first, or set TOKEN (and URL)');
	}
}

async function main(): Promise<void> {
	const token = readToken();
	const client = new ApiClient(URL_BASE, token);
	const {status} = await client.call<{status: string}>('GET', '/health').catch((error: unknown) => {
		throw new Error(`no server at ${URL_BASE}: start it with \`npm start\` first`, {cause: error});
	});
	say('health', status);

	const {id} = await client.call<Connection>('POST', '/connections', {name: 'Demo'});
	say('connection created', id);
	try {
		await run(client, token, id);
	} finally {
		await client.call('DELETE', `/connections/${id}`);
		say('connection deleted', 'the demo leaves nothing behind');
	}
}

async function run(client: ApiClient, token: string, id: string): Promise<void> {
	const qr = await eventually(
		() => client.call<{value: string; mimetype: string}>('GET', `/connections/${id}/qr`),
		STEP_TIMEOUT_MS,
	);
	say('QR code', `${qr.mimetype}, ${Math.round((qr.value.length * 3) / 4)} bytes`);
	await client.call('POST', `/simulator/connections/${id}/scan`);
	const connection = await eventually(async () => {
		const current = await client.call<Connection>('GET', `/connections/${id}`);
		return current.status === 'connected' && current;
	}, STEP_TIMEOUT_MS);
	say('scanned', `connected as +${connection.phoneNumber ?? '?'}`);

	await using sink = await WebhookSink.start();
	await using stream = new StreamClient(URL_BASE, token);
	await eventually(() => stream.isOpen, STEP_TIMEOUT_MS);
	const webhook = await client.call<{id: string; signingSecret: string}>('POST', `/connections/${id}/webhooks`, {
		url: sink.url,
		events: ['message', 'message.ack'],
	});
	say('webhook added', sink.url);

	await client.call('POST', `/simulator/connections/${id}/message-from`, {from: '15550001234', text: 'Hello!'});
	await eventually(
		() => sink.deliveries.length > 0 && stream.frames.some(({event}) => event === 'message'),
		STEP_TIMEOUT_MS,
	);
	const [delivery] = sink.deliveries;
	if (delivery === undefined || !isSigned(delivery, webhook.signingSecret)) {
		throw new Error('the webhook came without a valid signature');
	}
	const {payload} = JSON.parse(delivery.body) as {payload: {body: string; from: string}};
	say(
		'message at the webhook',
		`"${payload.body}" from ${payload.from}, signature verified, delivery ${String(delivery.headers['x-wahooks-delivery'])}`,
	);
	say('message on the socket', stream.frames.find(({event}) => event === 'message')?.id ?? '');

	const sent = await client.call<{id: string}>('POST', `/connections/${id}/send`, {
		chatId: '15550001234',
		text: 'Hi there!',
	});
	say('message sent', sent.id);
	await eventually(() => sink.deliveries.some(({body}) => body.includes('"ackName":"READ"')), STEP_TIMEOUT_MS);
	say('acknowledged', 'SERVER, DEVICE, READ');
	const log = await eventually(async () => {
		const entries = await client.call<readonly LogEntry[]>('GET', `/webhooks/${webhook.id}/logs`);
		return entries.length >= 4 && entries.every((entry) => entry.status === 'delivered') && entries;
	}, STEP_TIMEOUT_MS);
	say('delivery log', `${log.length} deliveries, all delivered`);
}

try {
	await main();
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
