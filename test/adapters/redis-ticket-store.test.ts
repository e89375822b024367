import {randomUUID} from 'node:crypto';
import {connectRedis} from '../../adapters/redis/connect-redis.ts';
import type {RedisConnection} from '../../adapters/redis/redis-connection.ts';
import {RedisTicketStore} from '../../adapters/redis/redis-ticket-store.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {FanoutUnavailableError} from '../../domain/errors.ts';
import {ticketStoreContract} from '../contracts/ticket-store.contract.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {requireServices} from '../support/services.ts';

const {test, urls} = await requireServices('redis');
const clock = new SystemClock();
const log = new RecordingLogger();

const connect = (): Promise<RedisConnection> => connectRedis({url: urls.redis, clock, log});

ticketStoreContract(test, {
	start: async () => {
		const prefix = `test-${randomUUID()}`;
		const [mine, others] = await Promise.all([connect(), connect()]);
		return {
			tickets: new RedisTicketStore({commands: mine.commands, prefix}),
			other: new RedisTicketStore({commands: others.commands, prefix}),
			pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
			[Symbol.asyncDispose]: async () => {
				await mine[Symbol.asyncDispose]();
				await others[Symbol.asyncDispose]();
			},
		};
	},
});

test('while Redis is away a ticket is neither made nor taken, and that is said', async (t) => {
	const connection = await connect();
	const tickets = new RedisTicketStore({commands: connection.commands, prefix: `test-${randomUUID()}`});
	await connection[Symbol.asyncDispose]();
	await t.throwsAsync(tickets.put('key', 'x', 1000), {instanceOf: FanoutUnavailableError});
	await t.throwsAsync(tickets.take('key'), {instanceOf: FanoutUnavailableError});
});
