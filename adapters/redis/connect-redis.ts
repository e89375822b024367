import {setTimeout as sleep} from 'node:timers/promises';
import {createClient, ErrorReply} from 'redis';
import {SetupError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {RedisConnection, type RedisClient} from './redis-connection.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** A handshake that gets no answer is given up after this; `RedisConnection` watches over what is open. */
const SILENCE_MS = 15_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5000;
/** Docker Compose starts everything at once. */
const PATIENCE_MS = 30_000;
/** Between two tries while the server has not answered yet. */
const FIRST_CONNECT_PAUSE_MS = 500;

export interface RedisOptions {
	/** `redis://[[user][:password]@]host[:port][/database]`, or `rediss://` for TLS. */
	readonly url: string;
	readonly clock: Clock;
	readonly log: Logger;
	/** How long a server that does not answer is given to start; default 30,000. */
	readonly patienceMs?: number;
}

/**
 * Opens two connections to Redis, one for commands and one for subscriptions. From then on they come back by themselves after
 * every loss; until they do, commands fail at once.
 * @throws {SetupError} a malformed URL, nothing there, wrong credentials, or no sharded pub/sub (a Redis before 7.0)
 */
export async function connectRedis(options: RedisOptions): Promise<RedisConnection> {
	const {url, log, patienceMs = PATIENCE_MS} = options;
	const deadline = performance.now() + patienceMs;
	for (let isFirst = true; ; isFirst = false) {
		try {
			return await connectOnce(options);
		} catch (error) {
			if (error instanceof SetupError) throw error;
			// No waiting will mend what a server refuses.
			if (error instanceof ErrorReply || performance.now() > deadline) throw toSetupError(url, error);
			if (isFirst) log.warn({error, patienceMs}, 'redis.waiting');
			await sleep(FIRST_CONNECT_PAUSE_MS);
		}
	}
}

async function connectOnce({url, clock, log}: RedisOptions): Promise<RedisConnection> {
	let established = false;
	const dial = (): RedisClient =>
		createClient({
			url,
			disableOfflineQueue: true,
			maintNotifications: 'disabled',
			socket: {
				connectTimeout: CONNECT_TIMEOUT_MS,
				socketTimeout: SILENCE_MS,
				// For ever, but not before it worked once: then it is the URL that is wrong.
				reconnectStrategy: (retries) => established && backOffMs(retries),
			},
		}).on('error', (error: unknown) => {
			log.debug({error}, 'redis.error');
		});
	const clients = dialTwice(url, dial);
	try {
		for (const client of clients) await client.connect();
		await clients[0].sPublish('wahooks:probe', '');
	} catch (error) {
		for (const client of clients) client.destroy();
		throw error;
	}
	established = true;
	const [commands, subscriber] = clients;
	return new RedisConnection({commands, subscriber, clock, log});
}

function dialTwice(url: string, dial: () => RedisClient): [RedisClient, RedisClient] {
	try {
		// The client takes an empty URL for this machine.
		new URL(url);
		return [dial(), dial()];
	} catch (error) {
		throw new SetupError('REDIS_URL is malformed: write it like redis://:password@host:6379', {cause: error});
	}
}

/** Grows from 100 ms to 5 s; half of it is random, so that a fleet does not come back all at once. */
function backOffMs(retries: number): number {
	return Math.min(FIRST_RETRY_MS * 2 ** retries, LAST_RETRY_MS) * (0.5 + Math.random() / 2);
}

function toSetupError(url: string, error: unknown): SetupError {
	const {host} = new URL(url);
	if (!(error instanceof ErrorReply)) {
		const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
		return new SetupError(`No Redis answers at ${host} (${code}): start it, or correct REDIS_URL`, {cause: error});
	}
	// The first word of an error reply is its code.
	const code = error.message.split(' ', 1)[0] ?? '';
	if (code === 'WRONGPASS' || code === 'NOAUTH' || error.message.startsWith('ERR AUTH')) {
		return new SetupError(`Redis at ${host} refuses the credentials: correct those in REDIS_URL`, {cause: error});
	}
	return new SetupError(
		`Redis at ${host} cannot be used (${error.message}): Redis 7 or newer is needed, and a user that may use keys and channels wahooks:*`,
		{cause: error},
	);
}
