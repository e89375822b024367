import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {createTopology} from '../../config/topology.ts';
import {BROKER_MIGRATIONS} from '../../adapters/sqlite/broker-schema.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SqliteBroker} from '../../adapters/sqlite/sqlite-broker.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import type {Settlement} from '../../domain/ports/broker.ts';
import {RecordingLogger} from './recording-logger.ts';

/**
 * An embedded broker in a process of its own, for tests to kill: `node sqlite-broker-child.ts <role> <file> <prefix>`.
 * Prints a line for everything that has happened.
 */
const [role, path = '', prefix = ''] = process.argv.slice(2);

const IN_FLIGHT = 50;
const BACKLOG = 50_000;
const DELIVERY_LIMIT = 4;
/** Longer than it takes to hand everything out, so that it is in hand when the process dies. */
const HANDLING_MS = 50;

const topology = createTopology(prefix);
const webhook = {...topology.queues.webhook, deliveryLimit: DELIVERY_LIMIT};
const broker = new SqliteBroker({
	database: new SqliteDatabase({path, migrations: BROKER_MIGRATIONS}),
	topology: {...topology, queues: {...topology.queues, webhook}},
	clock: new SystemClock(),
	log: new RecordingLogger(),
});
let published = 0;

/** Publishes some messages, one after the other. */
async function publish(count: number): Promise<void> {
	for (; count > 0; count--) {
		const id = String(published++);
		const message = {id, exchange: topology.exchanges.due.name, routingKey: webhook.name, headers: {}};
		await broker.publish({...message, body: Buffer.alloc(1000, id)});
		process.stdout.write(`confirmed ${id}\n`);
	}
}

function publishSideBySide(count: number): Promise<unknown> {
	return Promise.all(Array.from({length: IN_FLIGHT}, () => publish(count / IN_FLIGHT)));
}

function consumeForEver(): Promise<unknown> {
	return broker.consume(webhook, {prefetch: 10}, () => new Promise<never>(() => undefined));
}

/** What JavaScript and its buffers occupy after a garbage collection. */
function usedBytes(): number {
	setFlagsFromString('--expose-gc');
	const collectGarbage = runInNewContext('gc') as () => void;
	collectGarbage();
	const {heapUsed, arrayBuffers} = process.memoryUsage();
	return heapUsed + arrayBuffers;
}

const ROLES: Readonly<Record<string, () => Promise<unknown>>> = {
	/** Publishes as fast as it can. */
	publish: () => publishSideBySide(Infinity),
	/** Publishes a backlog that nobody works off, and tells by how many bytes it has grown. */
	backlog: async () => {
		await consumeForEver();
		await publishSideBySide(IN_FLIGHT);
		const before = usedBytes();
		await publishSideBySide(BACKLOG - IN_FLIGHT);
		process.stdout.write(`grown ${usedBytes() - before}\n`);
	},
	/** Acknowledges messages with even ids, keeps the others in hand. */
	consume: () =>
		broker.consume(webhook, {prefetch: 10}, ({id}) => {
			process.stdout.write(`handled ${id}\n`);
			return Number(id) % 2 === 0 ? Promise.resolve('ack') : new Promise<never>(() => undefined);
		}),
	/** Dies of the message `poison`, and acknowledges others after a while. */
	poisoned: async () => {
		await broker.consume(topology.queues.dead, {prefetch: 10}, ({id, death}) => {
			process.stdout.write(`dead ${id} of ${death?.reason ?? 'nothing'}\n`);
			return Promise.resolve('ack');
		});
		await broker.consume(webhook, {prefetch: 100}, ({id}) => {
			if (id === 'poison') process.kill(process.pid, 'SIGKILL');
			return new Promise<Settlement>((resolve) => {
				setTimeout(() => {
					process.stdout.write(`handled ${id}\n`);
					resolve('ack');
				}, HANDLING_MS);
			});
		});
	},
};

// Waits to be killed, whatever it has to do.
setInterval(() => undefined, 60_000);
await ROLES[role ?? '']?.();
