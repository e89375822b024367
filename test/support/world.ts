import {randomBytes, randomUUID} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Role} from '../../config/env.ts';
import {createTopology} from '../../config/topology.ts';
import {ApiClient} from './api-client.ts';
import {eventually} from './eventually.ts';
import type {FakeEngine} from './fake-waha-content.ts';
import {FakeWaha} from './fake-waha.ts';
import {GatewayProcess} from './gateway-process.ts';
import {dropDatabase} from './drop-database.ts';
import {linkConnection, type LinkedConnection} from './link-connection.ts';
import {removeTopology} from './remove-topology.ts';
import {StreamClient} from './stream-client.ts';
import {WebhookSink} from './webhook-sink.ts';

const ROLES: readonly Role[] = ['gateway', 'webhook', 'websocket', 'log', 'command', 'media', 'supervisor'];

/** The services of a deployment; absent = the embedded default in one process. */
export interface WorldServices {
	readonly amqpUrl: string;
	readonly mongodbUrl: string;
	readonly redisUrl: string;
}

/** A whole deployment of real processes, one linked connection, and a tenant with a webhook and a socket. */
export interface World extends AsyncDisposable {
	readonly waha: FakeWaha;
	readonly sink: WebhookSink;
	/** By role; all the same process in the embedded default. */
	readonly processes: ReadonlyMap<Role, GatewayProcess>;
	readonly client: ApiClient;
	readonly stream: StreamClient;
	readonly connection: LinkedConnection;
	readonly webhook: {readonly id: string; readonly signingSecret: string};
	/** The databases of the embedded default. */
	readonly dataDir: string;
	/** With the database; undefined in the embedded default. */
	readonly mongodbUrl: string | undefined;
}

/**
 * @param engine what the worker runs; default NOWEB
 * @param environment of all processes, besides their configuration
 */
export async function createWorld(
	services?: WorldServices,
	engine: FakeEngine = 'NOWEB',
	environment: Readonly<Record<string, string>> = {},
): Promise<World> {
	await using resources = new AsyncDisposableStack();
	const dataDir = await mkdtemp(join(tmpdir(), 'wahooks-'));
	resources.defer(() => rm(dataDir, {recursive: true, force: true}));
	const waha = resources.use(await FakeWaha.start({engine}));
	const sink = resources.use(await WebhookSink.start());
	const token = `wh_${randomBytes(24).toString('hex')}`;
	const namespace = `e2e-${randomUUID().slice(0, 8)}`;
	if (services) resources.defer(() => removeTopology(services.amqpUrl, createTopology(namespace)));
	const mongodbUrl = services && `${services.mongodbUrl}/e2e_${randomBytes(6).toString('hex')}`;
	if (mongodbUrl !== undefined) resources.defer(() => dropDatabase(mongodbUrl));
	const env = {
		...environment,
		DATA_DIR: dataDir,
		BOOTSTRAP_TOKEN: token,
		ENCRYPTION_KEY: randomBytes(32).toString('hex'),
		INGESTION_SECRET: randomBytes(32).toString('hex'),
		WAHA_WORKERS: `${waha.url.replace('http://', `http://w1:${waha.apiKey}@`)}?engine=${engine}`,
		RATE_LIMIT_PER_MINUTE: '100000',
		...(services && {
			AMQP_URL: services.amqpUrl,
			MONGODB_URL: mongodbUrl ?? '',
			REDIS_URL: services.redisUrl,
			NAMESPACE: namespace,
			MEDIA_DIR: join(dataDir, 'media'),
		}),
	};
	const processes = services ? await startEach(resources, env) : await startOne(resources, env);
	const gateway = processes.get('gateway');
	if (gateway === undefined) throw new Error('no gateway');
	const client = new ApiClient(gateway.url, token);
	const connection = await linkConnection(client, waha);
	const webhook = await client.call<World['webhook']>('POST', `/connections/${connection.id}/webhooks`, {
		url: sink.url,
		events: ['*'],
	});
	const stream = resources.use(new StreamClient(gateway.url, token));
	await eventually(() => stream.isOpen);
	const owned = resources.move();
	return {
		waha,
		sink,
		processes,
		client,
		stream,
		connection,
		webhook,
		dataDir,
		mongodbUrl,
		[Symbol.asyncDispose]: () => owned.disposeAsync(),
	};
}

/** What the processes printed lately, for a failed test. */
export function outputOf(world: World): string {
	return [...world.processes].map(([role, {output}]) => `--- ${role}\n${output.slice(-4000)}`).join('\n');
}

/** Workers reach the gateway's own port, which only `GatewayProcess` knows: PUBLIC_URL stays at its default, host and PORT. */
async function startOne(
	resources: AsyncDisposableStack,
	env: Record<string, string>,
): Promise<ReadonlyMap<Role, GatewayProcess>> {
	const process = resources.use(await GatewayProcess.start({env}));
	return new Map(ROLES.map((role) => [role, process]));
}

async function startEach(
	resources: AsyncDisposableStack,
	env: Record<string, string>,
): Promise<ReadonlyMap<Role, GatewayProcess>> {
	const gateway = resources.use(await GatewayProcess.start({env, roles: 'gateway'}));
	const others = ROLES.filter((role) => role !== 'gateway');
	const starts = others.map(async (role) => {
		const process = await GatewayProcess.start({env: {...env, PUBLIC_URL: gateway.url}, roles: role});
		return [role, resources.use(process)] as const;
	});
	// When one fails, those that start later are to be ended with the rest.
	await Promise.allSettled(starts);
	return new Map<Role, GatewayProcess>([['gateway', gateway], ...(await Promise.all(starts))]);
}
