import {connect} from 'node:net';
import test, {type TestFn} from 'ava';

/** Real services that tests run against; each can be named by an environment variable. */
const SERVICES = {
	rabbitmq: {variable: 'TEST_AMQP_URL', fallback: 'amqp://127.0.0.1:5672'},
	redis: {variable: 'TEST_REDIS_URL', fallback: 'redis://127.0.0.1:6379'},
	mongodb: {variable: 'TEST_MONGODB_URL', fallback: undefined},
} as const;

type ServiceName = keyof typeof SERVICES;

/** What a test file does with the services it needs: run with their URLs, or skip with the reason. */
export interface Requirement<Name extends ServiceName> {
	readonly urls: Readonly<Record<Name, string>>;
	/** AVA's `test`, or `test.skip` when a service is missing. */
	readonly test: TestFn;
}

/**
 * Finds services before any test is declared: `const {test, urls} = await requireServices('rabbitmq')`.
 * @throws in CI when one is missing; elsewhere the tests are skipped and the reason is printed.
 */
export async function requireServices<Name extends ServiceName>(...names: readonly Name[]): Promise<Requirement<Name>> {
	const found = await Promise.all(names.map(async (name) => [name, await findService(name)] as const));
	const missing = found.filter(([, url]) => url === undefined).map(([name]) => name);
	if (missing.length > 0 && process.env['CI'] !== undefined) {
		throw new Error(`missing in CI: ${missing.join(', ')}`);
	}
	if (missing.length > 0) {
		const variables = missing.map((name) => SERVICES[name].variable).join(', ');
		process.stderr.write(`skipped: ${missing.join(', ')} not found (set ${variables})\n`);
	}
	const urls = Object.fromEntries(found.map(([name, url]) => [name, url ?? ''])) as Record<Name, string>;
	return {urls, test: missing.length > 0 ? (test.skip as unknown as TestFn) : test};
}

async function findService(name: ServiceName): Promise<string | undefined> {
	const {variable, fallback} = SERVICES[name];
	const url = process.env[variable] ?? fallback;
	if (url !== undefined) {
		return (await answers(url)) ? url : undefined;
	}
	return startMemoryMongo();
}

function answers(url: string): Promise<boolean> {
	const {hostname, port} = new URL(url);
	return new Promise((resolve) => {
		const socket = connect(Number(port), hostname);
		const finish = (result: boolean): void => {
			socket.destroy();
			resolve(result);
		};
		socket.setTimeout(2000, () => {
			finish(false);
		});
		socket.once('connect', () => {
			finish(true);
		});
		socket.once('error', () => {
			finish(false);
		});
	});
}

/** Downloads a MongoDB server on first use; undefined where that is not possible. */
async function startMemoryMongo(): Promise<string | undefined> {
	try {
		const {MongoMemoryServer} = await import('mongodb-memory-server');
		const server = await MongoMemoryServer.create();
		test.after.always(async () => {
			await server.stop();
		});
		return server.getUri();
	} catch {
		return undefined;
	}
}
