import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {connect as connectAmqp} from 'amqplib';
import {BROKER_MIGRATIONS} from '../../adapters/sqlite/broker-schema.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SqliteBroker} from '../../adapters/sqlite/sqlite-broker.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createTopology} from '../../config/topology.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

const WINDOW = 100;
const MEASURE_MS = 3000;
const BODY = Buffer.alloc(1024, 'x');

/** Messages of 1 KB that a quorum queue confirms in a second, 100 in flight: bare amqplib. */
export async function measureQuorumQueue(url: string): Promise<number> {
	const connection = await connectAmqp(url);
	const queue = `bench-${randomBytes(6).toString('hex')}`;
	const channel = await connection.createConfirmChannel();
	await channel.assertQueue(queue, {durable: true, arguments: {'x-queue-type': 'quorum'}});
	const perSecond = await inWindow(
		() =>
			new Promise((resolve, reject) => {
				channel.sendToQueue(queue, BODY, {persistent: true}, (error: unknown) => {
					if (error === null) resolve();
					else reject(error instanceof Error ? error : new Error('not confirmed'));
				});
			}),
	);
	await channel.deleteQueue(queue);
	await connection.close();
	return perSecond;
}

/** The same of the embedded broker, alone in this process. */
export async function measureEmbeddedQueue(): Promise<number> {
	const folder = await mkdtemp(join(tmpdir(), 'bench-'));
	const topology = createTopology();
	const {outcomes} = topology.exchanges;
	const queue = topology.queues.outcomes;
	const database = new SqliteDatabase({path: join(folder, 'broker.db'), migrations: BROKER_MIGRATIONS});
	const broker = new SqliteBroker({database, topology, clock: new SystemClock(), log: new RecordingLogger()});
	let id = 0;
	const perSecond = await inWindow(() =>
		broker.publish({id: `m${id++}`, exchange: outcomes.name, routingKey: queue.name, headers: {}, body: BODY}),
	);
	await broker[Symbol.asyncDispose]();
	await database[Symbol.asyncDispose]();
	await rm(folder, {recursive: true});
	return perSecond;
}

async function inWindow(publish: () => Promise<void>): Promise<number> {
	let count = 0;
	const startedAt = performance.now();
	const loop = async (): Promise<void> => {
		while (performance.now() - startedAt < MEASURE_MS) {
			await publish();
			count++;
		}
	};
	await Promise.all(Array.from({length: WINDOW}, loop));
	return count / ((performance.now() - startedAt) / 1000);
}
