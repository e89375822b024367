import {randomBytes, randomUUID} from 'node:crypto';
import test from 'ava';
import {createTopology} from '../../config/topology.ts';
import {dropDatabase} from './drop-database.ts';
import {removeTopology} from './remove-topology.ts';
import {requireServices} from './services.ts';

type Services = Readonly<Record<'rabbitmq' | 'mongodb' | 'redis', string>>;

/** Undefined = the embedded default. */
let services: Services | undefined;

/** What a gateway under test stands on. */
export interface Deployment extends AsyncDisposable {
	/** Environment variables beside those of the test; none for the embedded default. */
	readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs test files that use `createGatewayHarness` once more, on RabbitMQ, MongoDB and Redis. Where one is missing, one test is
 * skipped in their place.
 * @param load imports the files
 */
export async function runOnServices(load: () => Promise<unknown>): Promise<void> {
	const {urls, test: declare} = await requireServices('rabbitmq', 'mongodb', 'redis');
	if (declare === test) {
		services = urls;
		await load();
	} else {
		declare('on RabbitMQ, MongoDB and Redis', (t) => {
			t.fail('the services are missing');
		});
	}
}

/** Whether gateways under test stand on RabbitMQ, MongoDB and Redis at the moment. */
export function isOnServices(): boolean {
	return services !== undefined;
}

/** Names of its own on the shared services; disposing takes them off again. */
export function newDeployment(): Deployment {
	if (services === undefined) {
		return {env: {}, [Symbol.asyncDispose]: () => Promise.resolve()};
	}
	const {rabbitmq, mongodb, redis} = services;
	const namespace = `rest-${randomUUID().slice(0, 8)}`;
	const mongodbUrl = `${mongodb.replace(/\/$/, '')}/rest_${randomBytes(6).toString('hex')}`;
	return {
		env: {
			AMQP_URL: rabbitmq,
			MONGODB_URL: mongodbUrl,
			REDIS_URL: redis,
			NAMESPACE: namespace,
			ENCRYPTION_KEY: randomBytes(32).toString('hex'),
			INGESTION_SECRET: randomBytes(32).toString('hex'),
		},
		[Symbol.asyncDispose]: async () => {
			await removeTopology(rabbitmq, createTopology(namespace));
			await dropDatabase(mongodbUrl);
		},
	};
}
