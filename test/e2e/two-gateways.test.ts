import {randomBytes, randomUUID} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ServerResponse} from 'node:http';
import {createTopology} from '../../config/topology.ts';
import {ApiClient} from '../support/api-client.ts';
import {dropDatabase} from '../support/drop-database.ts';
import {eventually} from '../support/eventually.ts';
import {FakeWaha} from '../support/fake-waha.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {Receiver} from '../support/receiver.ts';
import {removeTopology} from '../support/remove-topology.ts';
import {requireServices} from '../support/services.ts';
import {SocketIoProbe} from '../support/socket-io-probe.ts';
import {StreamProbe} from '../support/stream-probe.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('rabbitmq', 'mongodb', 'redis');

const CHAT = '15550001111@c.us';

interface Connection {
	readonly id: string;
	readonly sessionName: string;
	readonly status: string;
}

/** Two gateways, two command processes behind a proxy to the broker, the other roles, and a linked connection. */
interface Deployment extends AsyncDisposable {
	readonly waha: FakeWaha;
	readonly provider: IdentityProvider;
	readonly gateways: readonly GatewayProcess[];
	readonly commands: readonly GatewayProcess[];
	/** Between the command processes and RabbitMQ. */
	readonly broker: TcpProxy;
	/** Of the administrator, by gateway. */
	readonly clients: readonly [ApiClient, ApiClient];
	readonly connection: Connection;
	readonly mediaDir: string;
}

async function deploy(): Promise<Deployment> {
	await using resources = new AsyncDisposableStack();
	const dataDir = await mkdtemp(join(tmpdir(), 'wahooks-'));
	resources.defer(() => rm(dataDir, {recursive: true, force: true}));
	const waha = resources.use(await FakeWaha.start({engine: 'NOWEB'}));
	const provider = resources.use(await IdentityProvider.start());
	const broker = resources.use(await TcpProxy.to(urls.rabbitmq));
	const token = `wh_${randomBytes(24).toString('hex')}`;
	const namespace = `e2e-${randomUUID().slice(0, 8)}`;
	resources.defer(() => removeTopology(urls.rabbitmq, createTopology(namespace)));
	const mediaDir = join(dataDir, 'media');
	const mongodbUrl = `${urls.mongodb}/e2e_${randomBytes(6).toString('hex')}`;
	resources.defer(() => dropDatabase(mongodbUrl));
	const env = {
		DATA_DIR: dataDir,
		MEDIA_DIR: mediaDir,
		BOOTSTRAP_TOKEN: token,
		ENCRYPTION_KEY: randomBytes(32).toString('hex'),
		INGESTION_SECRET: randomBytes(32).toString('hex'),
		WAHA_WORKERS: `${waha.url.replace('http://', `http://w1:${waha.apiKey}@`)}?engine=NOWEB`,
		RATE_LIMIT_PER_MINUTE: '100000',
		AMQP_URL: urls.rabbitmq,
		MONGODB_URL: mongodbUrl,
		REDIS_URL: urls.redis,
		NAMESPACE: namespace,
		JWKS_URL: provider.jwksUrl,
		JWT_ISSUER: provider.issuer,
		JWT_AUDIENCE: provider.audience,
	};
	const first = resources.use(await GatewayProcess.start({env, roles: 'gateway'}));
	const start = async (roles: string, changes = {}): Promise<GatewayProcess> =>
		resources.use(await GatewayProcess.start({env: {...env, PUBLIC_URL: first.url, ...changes}, roles}));
	const second = await start('gateway');
	const viaProxy = {AMQP_URL: broker.urlFor(urls.rabbitmq)};
	const commands = [await start('command', viaProxy), await start('command', viaProxy)];
	await start('webhook,websocket,log,media,supervisor');
	const clients = [new ApiClient(first.url, token), new ApiClient(second.url, token)] as const;
	const connection = await link(clients[0], waha);
	const owned = resources.move();
	return {
		waha,
		provider,
		gateways: [first, second],
		commands,
		broker,
		clients,
		connection,
		mediaDir,
		[Symbol.asyncDispose]: () => owned.disposeAsync(),
	};
}

async function link(client: ApiClient, waha: FakeWaha): Promise<Connection> {
	const created = await client.call<Connection>('POST', '/connections', {name: 'e2e'});
	await eventually(() => waha.session(created.sessionName).status === 'SCAN_QR_CODE');
	waha.scan(created.sessionName);
	return eventually(async () => {
		const connection = await client.call<Connection>('GET', `/connections/${created.id}`);
		return connection.status === 'connected' && connection;
	});
}

/** The names under which the media folder keeps files that are on their way out. */
async function outgoing(mediaDir: string): Promise<readonly string[]> {
	const files = await readdir(mediaDir, {recursive: true});
	const records = files.filter((name) => name.endsWith('.json'));
	const texts = await Promise.all(records.map((name) => readFile(join(mediaDir, name), 'utf8').catch(() => '{}')));
	const names = texts.map((text) => String((JSON.parse(text) as {filename?: string}).filename));
	return [...names.filter((name) => name.startsWith('outgoing-')), ...files.filter((name) => name.endsWith('.part'))];
}

async function killAndRestart(processes: readonly GatewayProcess[]): Promise<void> {
	await Promise.all(processes.map((process) => process.kill()));
	await Promise.all(processes.map((process) => process.start()));
}

const deployment = await deploy();

test.after.always(() => deployment[Symbol.asyncDispose]());

/** Milliseconds until the credentials are refused. */
async function refusedAfterMs(client: ApiClient): Promise<number> {
	const startMs = performance.now();
	await eventually(async () => (await client.fetch('GET', '/me')).status === 401);
	return performance.now() - startMs;
}

test.serial('a token that is revoked at one gateway is dead at the other within a second', async (t) => {
	const {clients, gateways} = deployment;
	for (const [revoking, other] of [
		[0, 1],
		[1, 0],
	] as const) {
		const {id, token} = await clients[revoking].call<{id: string; token: string}>('POST', '/tokens', {name: 'x'});
		const client = new ApiClient(gateways[other]?.url ?? '', token);
		// What was just looked up is remembered for 5 s.
		t.is((await client.fetch('GET', '/me')).status, 200);
		await clients[revoking].call('DELETE', `/tokens/${id}`);
		t.true((await refusedAfterMs(client)) < 1000);
	}
});

test.serial(
	'a user who is disabled at one gateway is out at the other within a second, with tokens and JWT',
	async (t) => {
		const {clients, gateways, provider} = deployment;
		const userId = randomUUID();
		const jwt = await provider.sign({sub: userId});
		const [first, second] = gateways.map(({url}) => new ApiClient(url, jwt));
		const {token} = (await first?.call<{token: string}>('POST', '/tokens', {name: 'x'})) ?? {token: ''};
		const byToken = new ApiClient(gateways[1]?.url ?? '', token);
		t.is((await second?.fetch('GET', '/me'))?.status, 200);
		t.is((await byToken.fetch('GET', '/me')).status, 200);
		await clients[0].call('PATCH', `/infrastructure/users/${userId}`, {disabled: true});
		const [jwtMs, tokenMs] = await Promise.all([second, byToken].map((client) => refusedAfterMs(client as ApiClient)));
		t.true((jwtMs ?? 0) < 1000 && (tokenMs ?? 0) < 1000);
		await clients[0].call('PATCH', `/infrastructure/users/${userId}`, {disabled: false});
		t.is((await byToken.fetch('GET', '/me')).status, 200, 'at once, too');
	},
);

test.serial(
	'one Idempotency-Key at two gateways at once, with a file each: one message, one answer, no file left',
	async (t) => {
		const {clients, connection, waha, mediaDir} = deployment;
		const data = randomBytes(300_000).toString('base64');
		const body = {chatId: CHAT, data, mimetype: 'image/png', skipPresence: true};
		const before = waha.requestsTo('POST', '/api/sendImage').length;
		const answers = await Promise.all(
			Array.from({length: 10}, (_, index) =>
				(clients[index % 2] as ApiClient).call<{id: string}>('POST', `/connections/${connection.id}/send-image`, body, {
					'idempotency-key': 'the-key',
				}),
			),
		);
		t.is(new Set(answers.map(({id}) => id)).size, 1);
		t.is(waha.requestsTo('POST', '/api/sendImage').length, before + 1);
		await eventually(async () => (await outgoing(mediaDir)).length === 0);
		t.pass();
	},
);

interface SessionView {
	readonly id: string;
	readonly transport: string;
	readonly lag: {readonly live: boolean};
}

/** Sends without waiting, and gives the command's id. */
async function post(path: string, body: object): Promise<string> {
	const {clients, connection} = deployment;
	const url = `/connections/${connection.id}/${path}`;
	const response = await clients[0].fetch('POST', url, body, {prefer: 'respond-async'});
	if (response.status !== 202) throw new Error(`answered ${response.status}: ${await response.text()}`);
	return ((await response.json()) as {commandId: string}).commandId;
}

function statusAfter(commandId: string, statuses: readonly string[]): Promise<string> {
	const {clients, connection} = deployment;
	return eventually(async () => {
		const path = `/connections/${connection.id}/messages/${commandId}`;
		const {status} = await clients[1].call<{status: string}>('GET', path);
		return !statuses.includes(status) && status;
	}, 45_000);
}

test.serial('the live stream spans gateways: tickets, who is connected, events, and an end', async (t) => {
	const {clients, gateways, connection, waha} = deployment;
	const [first, second] = gateways.map(({url}) => url) as [string, string];
	const {id: tokenId, token} = await clients[0].call<{id: string; token: string}>('POST', '/tokens', {name: 'stream'});
	const client = new ApiClient(first, token);
	const {ticket} = await client.call<{ticket: string}>('POST', '/ws/tickets');
	const plain = await StreamProbe.open(`${second.replace('http', 'ws')}/ws?ticket=${ticket}&events=message`);
	using socketIo = new SocketIoProbe(first, {auth: {token, events: 'message'}});
	const sessions = async (url: string): Promise<readonly SessionView[]> => {
		const all = await new ApiClient(url, token).call<readonly SessionView[]>('GET', '/ws/sessions');
		return all.filter(({lag}) => lag.live);
	};
	await eventually(async () => (await sessions(first)).length === 2);
	t.deepEqual((await sessions(second)).map(({transport}) => transport).sort(), ['socket.io', 'websocket']);
	for (const url of [first, second]) {
		const again = await StreamProbe.open(`${url.replace('http', 'ws')}/ws?ticket=${ticket}`);
		t.is((await again.closed()).code, 4003);
	}

	waha.receive(connection.sessionName, {from: CHAT, content: {kind: 'text', text: 'to all'}});
	await eventually(() => plain.ids.length === 1 && socketIo.ids.length === 1);
	t.deepEqual(plain.ids, socketIo.ids);

	const onSecond = (await sessions(first)).find(({transport}) => transport === 'websocket');
	await client.call('DELETE', `/ws/sessions/${onSecond?.id ?? ''}`);
	t.deepEqual(await plain.closed(), {code: 4010, reason: 'Ended by its user'});
	t.true(socketIo.socket.connected);

	const other = await StreamProbe.open(`${second.replace('http', 'ws')}/ws?token=${token}`);
	await eventually(async () => (await sessions(first)).length === 2);
	const ends = [other.closed(), socketIo.disconnected()] as const;
	const revokedAtMs = performance.now();
	await clients[1].call('DELETE', `/tokens/${tokenId}`);
	t.deepEqual(await Promise.all(ends), [{code: 4003, reason: 'Invalid token'}, 'io server disconnect']);
	t.true(performance.now() - revokedAtMs < 1000);
});

for (const [fault, strike] of [
	['kill -9 of the command processes', () => killAndRestart(deployment.commands)],
	[
		'a lost broker',
		() => {
			deployment.broker.cut();
			return Promise.resolve();
		},
	],
] as const) {
	test.serial(`${fault} while it types: the message goes out once, and is found by its command`, async (t) => {
		t.timeout(90_000);
		const {waha} = deployment;
		const typed = (): number => waha.requestsTo('POST', '/api/startTyping').length;
		const before = typed();
		const text = `typed ${fault}`;
		const commandId = await post('send', {chatId: CHAT, text});
		await eventually(() => typed() > before);
		await strike();
		t.true(['sent', 'delivered', 'read'].includes(await statusAfter(commandId, ['queued', 'sending', 'unknown'])));
		t.is(waha.requestsTo('POST', '/api/sendText').filter(({body}) => body['text'] === text).length, 1);
	});

	test.serial(`${fault} while it fetches a file: it is fetched again, sent once, and nothing is left`, async (t) => {
		t.timeout(90_000);
		const {waha, mediaDir} = deployment;
		const content = randomBytes(200_000);
		const stalled: ServerResponse[] = [];
		await using web = await Receiver.http((_request, response) => {
			response.writeHead(200, {'content-type': 'image/png', 'content-length': content.length});
			response.write(content.subarray(0, 100_000));
			if (stalled.length > 0) response.end(content.subarray(100_000));
			else stalled.push(response);
		});
		const caption = `fetched ${fault}`;
		const commandId = await post('send-image', {chatId: CHAT, url: web.url, caption, skipPresence: true});
		await eventually(() => stalled.length === 1);
		await strike();
		// Whoever is still there to read it gets the rest.
		stalled[0]?.end(content.subarray(100_000));
		t.true(['sent', 'delivered', 'read'].includes(await statusAfter(commandId, ['queued', 'sending', 'unknown'])));
		t.is(waha.requestsTo('POST', '/api/sendImage').filter(({body}) => body['caption'] === caption).length, 1);
		const left = async (): Promise<readonly string[]> =>
			(await outgoing(mediaDir)).filter((name) => !name.endsWith('.part'));
		await eventually(async () => (await left()).length === 0);
	});
}

test.serial('kill -9 after the engine was asked: the outcome is unknown, and it is not sent again', async (t) => {
	t.timeout(90_000);
	const {waha, commands} = deployment;
	const text = 'asked, and never heard of';
	const asked = (): number => waha.requestsTo('POST', '/api/sendText').filter(({body}) => body['text'] === text).length;
	waha.failNext('POST', '/api/sendText', {kind: 'hang'});
	const commandId = await post('send', {chatId: '15550002222@c.us', text, skipPresence: true});
	await eventually(() => asked() === 1);
	await killAndRestart(commands);
	const status = await statusAfter(commandId, ['queued', 'sending']);
	t.true(['unknown', 'sent', 'delivered', 'read'].includes(status), 'acknowledgements tell that it went out after all');
	t.is(asked(), 1);
});
