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

/** What a broker does at most here, per second: 1 KB messages, 100 in flight. */
export interface BrokerLimits {
	readonly publishPerSecond: number;
	readonly consumePerSecond: number;
}

/** Bare amqplib against one quorum queue. */
export async function measureRabbitMq(url: string): Promise<BrokerLimits> {
	const connection = await connectAmqp(url);
	const queue = `bench-${randomBytes(6).toString('hex')}`;
	const channel = await connection.createConfirmChannel();
	await channel.assertQueue(queue, {durable: true, arguments: {'x-queue-type': 'quorum'}});
	const published = await inWindow(
		() =>
			new Promise((resolve, reject) => {
				channel.sendToQueue(queue, BODY, {persistent: true}, (error: unknown) => {
					if (error === null) resolve();
					else reject(error instanceof Error ? error : new Error('not confirmed'));
				});
			}),
	);
	const consumer = await connection.createChannel();
	await consumer.prefetch(WINDOW);
	let consumed = 0;
	const startedAt = performance.now();
	await new Promise<void>((resolve) => {
		void consumer.consume(queue, (message) => {
			if (message === null) return;
			consumer.ack(message);
			if (++consumed === published.count) resolve();
		});
	});
	const seconds = (performance.now() - startedAt) / 1000;
	await channel.deleteQueue(queue);
	await connection.close();
	return {publishPerSecond: published.perSecond, consumePerSecond: consumed / seconds};
}

/** The embedded broker alone, one queue. */
export async function measureEmbedded(): Promise<BrokerLimits> {
	const folder = await mkdtemp(join(tmpdir(), 'bench-'));
	const topology = createTopology();
	const {outcomes} = topology.exchanges;
	const queue = topology.queues.outcomes;
	const database = new SqliteDatabase({path: join(folder, 'broker.db'), migrations: BROKER_MIGRATIONS});
	const broker = new SqliteBroker({database, topology, clock: new SystemClock(), log: new RecordingLogger()});
	let id = 0;
	const published = await inWindow(() =>
		broker.publish({id: `m${id++}`, exchange: outcomes.name, routingKey: queue.name, headers: {}, body: BODY}),
	);
	let consumed = 0;
	const startedAt = performance.now();
	const all = Promise.withResolvers<undefined>();
	const consumer = await broker.consume(queue, {prefetch: WINDOW}, () => {
		if (++consumed === published.count) all.resolve(undefined);
		return Promise.resolve('ack');
	});
	await all.promise;
	const seconds = (performance.now() - startedAt) / 1000;
	await consumer.close();
	await broker[Symbol.asyncDispose]();
	await database[Symbol.asyncDispose]();
	await rm(folder, {recursive: true});
	return {publishPerSecond: published.perSecond, consumePerSecond: consumed / seconds};
}

async function inWindow(publish: () => Promise<void>): Promise<{count: number; perSecond: number}> {
	let count = 0;
	const startedAt = performance.now();
	const loop = async (): Promise<void> => {
		while (performance.now() - startedAt < MEASURE_MS) {
			await publish();
			count++;
		}
	};
	await Promise.all(Array.from({length: WINDOW}, loop));
	return {count, perSecond: count / ((performance.now() - startedAt) / 1000)};
}
