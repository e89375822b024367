import {randomBytes, randomUUID} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createTopology} from '../../config/topology.ts';
import {ApiClient} from '../support/api-client.ts';
import {dropDatabase} from '../support/drop-database.ts';
import {eventually} from '../support/eventually.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {removeTopology} from '../support/remove-topology.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('rabbitmq', 'mongodb', 'redis');

/** Authentication and ownership may each wait for the store’s deadline (3 s), on a busy machine. */
const WITHIN_MS = 12_000;

interface Operation {
	readonly operationId: string;
	readonly security?: readonly unknown[];
	readonly requestBody?: {readonly content: Readonly<Record<string, {readonly example?: unknown}>>};
}

interface Call {
	readonly id: string;
	readonly method: string;
	readonly path: string;
	readonly body: unknown;
}

/** Every operation that needs a token, as documented, on a connection or webhook that is there as far as anybody knows. */
function callsOf(paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>): readonly Call[] {
	return Object.entries(paths).flatMap(([path, operations]) =>
		Object.entries(operations)
			.filter(([, {security}]) => security?.length !== 0)
			.map(([method, {operationId, requestBody}]) => ({
				id: operationId,
				method: method.toUpperCase(),
				path: path.replace(/^\/api/, '').replace(/\{\w+\}/g, randomUUID()),
				body: requestBody?.content['application/json']?.example,
			})),
	);
}

/** What answers without the store, for a caller who was seen a moment ago. */
const WITHOUT_STORE: Readonly<Record<string, number>> = {
	getMe: 200,
	createStreamTicket: 201,
	listStreamSessions: 200,
	endStreamSession: 404,
	// Nobody bills here.
	setSlots: 400,
	openCheckout: 400,
	openPortal: 400,
};

for (const [name, fault] of [
	['silent', 'pause'],
	['gone', 'refuse'],
] as const) {
	test.serial(
		`while MongoDB is ${name} every route answers 503 in time, known caller or not, and no socket hangs`,
		async (t) => {
			t.timeout(120_000);
			await using resources = new AsyncDisposableStack();
			const dataDir = await mkdtemp(join(tmpdir(), 'wahooks-'));
			resources.defer(() => rm(dataDir, {recursive: true, force: true}));
			const namespace = `e2e-${randomUUID().slice(0, 8)}`;
			resources.defer(() => removeTopology(urls.rabbitmq, createTopology(namespace)));
			const database = `e2e_${randomBytes(6).toString('hex')}`;
			resources.defer(() => dropDatabase(`${urls.mongodb}/${database}`));
			const proxy = resources.use(await TcpProxy.to(urls.mongodb));
			const token = `wh_${randomBytes(24).toString('hex')}`;
			const gateway = resources.use(
				await GatewayProcess.start({
					roles: 'gateway,websocket',
					env: {
						DATA_DIR: dataDir,
						MEDIA_DIR: join(dataDir, 'media'),
						BOOTSTRAP_TOKEN: token,
						ENCRYPTION_KEY: randomBytes(32).toString('hex'),
						INGESTION_SECRET: randomBytes(32).toString('hex'),
						WAHA_WORKERS: 'http://w1:key@127.0.0.1:9?engine=NOWEB',
						RATE_LIMIT_PER_MINUTE: '100000',
						AMQP_URL: urls.rabbitmq,
						MONGODB_URL: `${proxy.urlFor(urls.mongodb).replace(/\/$/, '')}/${database}`,
						REDIS_URL: urls.redis,
						NAMESPACE: namespace,
					},
				}),
			);
			const client = new ApiClient(gateway.url, token);
			const document = await client.call<{paths: Parameters<typeof callsOf>[0]}>('GET', '/openapi.json');
			const calls = callsOf(document.paths);
			t.true(calls.length > 40);
			await client.call('GET', '/me');
			proxy[fault]();
			for (const caller of ['known', 'unknown'] as const) {
				const asked = caller === 'known' ? client : new ApiClient(gateway.url, `wh_${randomBytes(24).toString('hex')}`);
				const answers = await Promise.all(
					calls.map(async ({id, method, path, body}) => {
						const startMs = performance.now();
						const response = await asked.fetch(method, path, body);
						const answer = (await response.json()) as {code?: string};
						return {id, status: response.status, code: answer.code, ms: performance.now() - startMs};
					}),
				);
				for (const {id, status, code, ms} of answers) {
					t.true(ms < WITHIN_MS, `${caller}: ${id} answered after ${Math.round(ms)} ms`);
					const expected = caller === 'known' ? WITHOUT_STORE[id] : undefined;
					if (expected !== undefined) t.is(status, expected, id);
					else t.deepEqual([id, status, code], [id, 503, 'STORE_UNAVAILABLE']);
				}
			}
			proxy.heal();
			await eventually(async () => (await client.fetch('GET', '/connections')).ok);
		},
	);
}
