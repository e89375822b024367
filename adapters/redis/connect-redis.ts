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

/**
 * Opens two connections to Redis, one for commands and one for subscriptions. From then on they come back by themselves after
 * every loss; until they do, commands fail at once.
 * @param url `redis://[[user][:password]@]host[:port][/database]`, or `rediss://` for TLS
 * @throws {SetupError} a malformed URL, nothing there, wrong credentials, or no sharded pub/sub (a Redis before 7.0)
 */
export async function connectRedis(options: {url: string; clock: Clock; log: Logger}): Promise<RedisConnection> {
	const {url, clock, log} = options;
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
		throw toSetupError(url, error);
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
