import {randomBytes, randomUUID} from 'node:crypto';
import {connect} from 'node:net';
import {createClient} from 'redis';
import {createTopology} from '../../config/topology.ts';
import {dropDatabase} from '../support/drop-database.ts';
import {removeTopology} from '../support/remove-topology.ts';
import {measureEmbeddedQueue, measureQuorumQueue} from './limits.ts';
import {settingsOfImage, settingsOfStart, type StartSettings} from './start-settings.ts';

/** What the program under test stands on. */
export interface Platform {
	readonly name: 'embedded' | 'services';
	/** The roles of each process, as arguments of the program; undefined = all in one. */
	readonly processes: readonly (string | undefined)[];
	/** How its processes are started: by `npm start`, or from the image. */
	readonly startSettings: () => Promise<StartSettings>;
	/** Messages that its broker alone takes and confirms in a second. */
	readonly measurePublish: () => Promise<number>;
	/** Names of its own, taken off again when disposed of. */
	readonly rent: () => Tenancy;
}

export interface Tenancy extends AsyncDisposable {
	/** Environment variables of the program. */
	readonly env: Readonly<Record<string, string>>;
}

export const EMBEDDED: Platform = {
	name: 'embedded',
	processes: [undefined],
	startSettings: settingsOfStart,
	measurePublish: measureEmbeddedQueue,
	rent: () => ({env: {}, [Symbol.asyncDispose]: () => Promise.resolve()}),
};

/** RabbitMQ, MongoDB and Redis where TEST_AMQP_URL, TEST_MONGODB_URL and TEST_REDIS_URL say, else on this machine. Undefined = one does not answer. */
export async function findServices(env: NodeJS.ProcessEnv): Promise<Platform | undefined> {
	const rabbitmq = env['TEST_AMQP_URL'] ?? 'amqp://127.0.0.1:5672';
	const mongodb = (env['TEST_MONGODB_URL'] ?? 'mongodb://127.0.0.1:27017').replace(/\/$/, '');
	const redis = env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';
	if (!(await Promise.all([rabbitmq, mongodb, redis].map(answers))).every(Boolean)) {
		return undefined;
	}
	return {
		name: 'services',
		// As somebody with some load would: what receives, what sends, and the rest.
		processes: ['gateway', 'webhook', 'log,websocket,command,media,supervisor'],
		startSettings: settingsOfImage,
		measurePublish: () => measureQuorumQueue(rabbitmq),
		rent: () => {
			const namespace = `bench-${randomUUID().slice(0, 8)}`;
			const mongodbUrl = `${mongodb}/bench_${randomBytes(4).toString('hex')}`;
			return {
				env: {AMQP_URL: rabbitmq, MONGODB_URL: mongodbUrl, REDIS_URL: redis, NAMESPACE: namespace},
				[Symbol.asyncDispose]: async () => {
					await removeTopology(rabbitmq, createTopology(namespace));
					await dropDatabase(mongodbUrl);
					await forgetKeys(redis, namespace);
				},
			};
		},
	};
}

function answers(url: string): Promise<boolean> {
	const {hostname, port} = new URL(url);
	const {promise, resolve} = Promise.withResolvers<boolean>();
	const socket = connect(Number(port), hostname);
	socket.once('connect', () => {
		resolve(true);
	});
	socket.once('error', () => {
		resolve(false);
	});
	return promise.finally(() => socket.destroy());
}

async function forgetKeys(url: string, namespace: string): Promise<void> {
	const client = await createClient({url}).connect();
	for await (const keys of client.scanIterator({MATCH: `${namespace}:*`, COUNT: 1000})) {
		if (keys.length > 0) await client.unlink(keys);
	}
	client.destroy();
}
