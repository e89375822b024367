import type {RedisClientType} from 'redis';
import type {Clock} from '../../domain/ports/clock.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {Logger} from '../../domain/ports/logger.ts';

/** A client with its default options: RESP 3, strings in answers. */
export type RedisClient = RedisClientType;

/** Redis is asked for a sign of life this often, and given this long for it. */
const HEARTBEAT_MS = 5000;

/**
 * The connections of this process to Redis, from `connectRedis`. A connection that is open and dead (a host that vanished, a
 * firewall that forgot it) is noticed within 10 s and replaced: the client itself would wait for minutes.
 */
export class RedisConnection implements HealthCheck, AsyncDisposable {
	readonly dependency = 'redis';
	readonly commands: RedisClient;
	readonly subscriber: RedisClient;
	readonly #clock: Clock;
	readonly #log: Logger;
	#nextBeat: Disposable | undefined;
	#closed = false;

	constructor(options: {commands: RedisClient; subscriber: RedisClient; clock: Clock; log: Logger}) {
		this.commands = options.commands;
		this.subscriber = options.subscriber;
		this.#clock = options.clock;
		this.#log = options.log;
		for (const client of [this.commands, this.subscriber]) this.#report(client);
		this.#scheduleBeat();
	}

	async check(signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		const aborted = new Promise<never>((_resolve, reject) => {
			signal.addEventListener(
				'abort',
				() => {
					reject(new Error('Redis did not answer in time', {cause: signal.reason}));
				},
				{once: true},
			);
		});
		await Promise.race([aborted, Promise.all([this.commands.ping(), this.subscriber.ping()])]);
	}

	/** Closes both connections at once; what is in hand fails. */
	[Symbol.asyncDispose](): Promise<void> {
		this.#closed = true;
		this.#nextBeat?.[Symbol.dispose]();
		this.commands.destroy();
		this.subscriber.destroy();
		return Promise.resolve();
	}

	/** One line when a connection is lost and one when it is back, however many attempts lie between. */
	#report(client: RedisClient): void {
		const connection = client === this.subscriber ? 'subscriber' : 'commands';
		let lost = false;
		client.on('error', (error: unknown) => {
			if (!lost) this.#log.warn({error, connection}, 'redis.lost');
			lost = true;
		});
		client.on('ready', () => {
			if (this.#closed) {
				// The client was just connecting when it was closed, and does not notice by itself.
				client.destroy();
			} else if (lost) {
				this.#log.info({connection}, 'redis.restored');
			}
			lost = false;
		});
	}

	#scheduleBeat(): void {
		this.#nextBeat = this.#clock.after(HEARTBEAT_MS, () => {
			void this.#beat();
		});
	}

	async #beat(): Promise<void> {
		await Promise.all([this.commands, this.subscriber].map((client) => this.#replaceIfDead(client)));
		if (!this.#closed) {
			this.#scheduleBeat();
		}
	}

	async #replaceIfDead(client: RedisClient): Promise<void> {
		const {isReady} = client;
		// A connection that is known to be lost is being replaced already.
		if (!isReady || (await this.#settlesInTime(client.ping())) || !client.isReady || this.#closed) {
			return;
		}
		this.#log.warn({timeoutMs: HEARTBEAT_MS}, 'redis.unresponsive');
		client.destroy();
		client.connect().catch((error: unknown) => {
			this.#log.debug({error}, 'redis.closed');
		});
	}

	/** True when the answer, or the loss of the connection, came before the next beat would. */
	#settlesInTime(answer: Promise<unknown>): Promise<boolean> {
		return new Promise((resolve) => {
			const timer = this.#clock.after(HEARTBEAT_MS, () => {
				resolve(false);
			});
			const settle = (): void => {
				timer[Symbol.dispose]();
				resolve(true);
			};
			answer.then(settle, settle);
		});
	}
}
