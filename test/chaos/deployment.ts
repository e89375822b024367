import {randomBytes, randomUUID} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createTopology} from '../../config/topology.ts';
import type {Topology} from '../../domain/broker/topology.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {ApiClient} from '../support/api-client.ts';
import {dropDatabase} from '../support/drop-database.ts';
import {FakeWaha} from '../support/fake-waha.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {RabbitMqNode} from '../support/rabbitmq-node.ts';
import {StreamClient} from '../support/stream-client.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';
import {openWorldStores} from '../support/world-stores.ts';
import {Replays} from './replays.ts';
import {createTenant, startEndpoints, type ChaosEndpoints, type ChaosTenant} from './tenants.ts';

const TENANTS = 3;
const SIGNED_IN_FOR_SECONDS = 24 * 3600;

/** Two of each dispatcher that events pass through: one goes on while the other is dead. */
const PROCESSES = {gateway: 1, webhook: 2, websocket: 2, log: 2, command: 1, media: 1, supervisor: 2};

/** Services with a switch for those that go away. */
export interface ChaosServices {
	readonly node: RabbitMqNode;
	/** In front of MongoDB. */
	readonly store: TcpProxy;
	readonly topology: Topology;
}

/** Real processes with everything around them, all of it to be broken. */
export interface ChaosDeployment extends AsyncDisposable {
	readonly processes: readonly {readonly name: string; readonly process: GatewayProcess}[];
	readonly waha: FakeWaha;
	readonly endpoints: ChaosEndpoints;
	readonly tenants: readonly ChaosTenant[];
	/** Of somebody else, to an endpoint that never goes away. */
	readonly replays: Replays;
	/** Undefined in the embedded default. */
	readonly services: ChaosServices | undefined;
	/** What was stored. The embedded default keeps its files to itself: its process is stopped first. */
	openStores(resources: AsyncDisposableStack): Promise<Stores>;
}

/** @param urls of MongoDB and Redis; RabbitMQ is a node of its own. Absent = the embedded default. */
export async function deploy(urls?: {mongodb: string; redis: string}): Promise<ChaosDeployment> {
	await using resources = new AsyncDisposableStack();
	const dataDir = await mkdtemp(join(tmpdir(), 'chaos-'));
	resources.defer(() => rm(dataDir, {recursive: true, force: true}));
	const waha = resources.use(await FakeWaha.start({engine: 'NOWEB'}));
	const identity = resources.use(await IdentityProvider.start());
	const endpoints = await startEndpoints(resources);
	const env: Record<string, string> = {
		DATA_DIR: dataDir,
		ENCRYPTION_KEY: randomBytes(32).toString('hex'),
		INGESTION_SECRET: randomBytes(32).toString('hex'),
		JWKS_URL: identity.jwksUrl,
		JWT_ISSUER: identity.issuer,
		JWT_AUDIENCE: identity.audience,
		WAHA_WORKERS: `${waha.url.replace('http://', `http://w1:${waha.apiKey}@`)}?engine=NOWEB`,
		RATE_LIMIT_PER_MINUTE: '100000',
		LOG_LEVEL: 'warn',
	};
	const database = urls && `${urls.mongodb.replace(/\/$/, '')}/chaos_${randomBytes(6).toString('hex')}`;
	const services = urls && (await startServices(urls, resources));
	if (services && database !== undefined) {
		resources.defer(() => dropDatabase(database));
		Object.assign(env, {
			AMQP_URL: services.node.url,
			MONGODB_URL: services.store.urlFor(database),
			REDIS_URL: urls.redis,
			NAMESPACE: services.namespace,
			MEDIA_DIR: join(dataDir, 'media'),
		});
	}
	const processes = await (services ? startEach(env, resources) : startOne(env, resources));
	const url = processes[0]?.process.url ?? '';
	const signIn = (): Promise<string> => identity.sign({exp: Math.floor(Date.now() / 1000) + SIGNED_IN_FOR_SECONDS});
	const replays = resources.use(await Replays.prepare({client: new ApiClient(url, await signIn()), waha}));
	const tenants: ChaosTenant[] = [];
	for (let number = 0; number < TENANTS; number++) {
		const token = await signIn();
		const openStream = (): StreamClient => resources.use(new StreamClient(url, token));
		tenants.push(await createTenant({number, client: new ApiClient(url, token), openStream, waha, endpoints}));
	}
	const owned = resources.move();
	return {
		processes,
		waha,
		endpoints,
		tenants,
		replays,
		services,
		openStores: async (opened) => {
			if (services === undefined) await processes[0]?.process.stop();
			return openWorldStores({mongodbUrl: database, dataDir}, opened);
		},
		[Symbol.asyncDispose]: () => owned.disposeAsync(),
	};
}

async function startServices(
	urls: {mongodb: string},
	resources: AsyncDisposableStack,
): Promise<ChaosServices & {readonly namespace: string}> {
	const namespace = `chaos-${randomUUID().slice(0, 8)}`;
	const node = resources.use(await RabbitMqNode.start());
	const store = resources.use(await TcpProxy.to(urls.mongodb));
	return {node, store, topology: createTopology(namespace), namespace};
}

type Named = ChaosDeployment['processes'][number];

/** The embedded default: `npm start` and nothing else. */
async function startOne(env: Record<string, string>, resources: AsyncDisposableStack): Promise<readonly Named[]> {
	return [{name: 'the process', process: resources.use(await GatewayProcess.start({env}))}];
}

/** The gateway comes first: the others are told its URL. */
async function startEach(env: Record<string, string>, resources: AsyncDisposableStack): Promise<readonly Named[]> {
	const start = async (role: string, number: number, publicUrl?: string): Promise<Named> => {
		const process = await GatewayProcess.start({
			env: {...env, ROLES: role, ...(publicUrl !== undefined && {PUBLIC_URL: publicUrl})},
		});
		return {name: `${role} ${number}`, process: resources.use(process)};
	};
	const gateway = await start('gateway', 1);
	const others = Object.entries(PROCESSES).filter(([role]) => role !== 'gateway');
	const started = await Promise.all(
		others.flatMap(([role, count]) =>
			Array.from({length: count}, (_, index) => start(role, index + 1, gateway.process.url)),
		),
	);
	return [gateway, ...started];
}
