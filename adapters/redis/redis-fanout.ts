import {FanoutUnavailableError} from '../../domain/errors.ts';
import type {Fanout, FanoutFrame} from '../../domain/ports/fanout.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {decodeFrame, encodeFrame} from './fanout-codec.ts';
import type {RedisClient} from './redis-connection.ts';

type Handler = (frame: FanoutFrame) => void;

interface Room {
	readonly handlers: Set<Handler>;
	/** Settles with the subscription. */
	readonly ready: Promise<void>;
}

/**
 * Fan-out between processes by sharded pub/sub (Redis 7): one channel per room, one subscription per room and process, however
 * many handlers. The client subscribes again after a loss; what was published in between is gone, hence the gap.
 */
export class RedisFanout implements Fanout {
	readonly #commands: RedisClient;
	readonly #subscriber: RedisClient;
	readonly #log: Logger;
	readonly #prefix: string;
	/** By channel. */
	readonly #rooms = new Map<string, Room>();
	readonly #gapHandlers = new Set<() => void>();
	/** A new connection stands in for a lost one, and that is not told yet. */
	#isGapUntold = false;

	/**
	 * Both clients are connected already and stay the caller's.
	 * @param prefix starts the channels' names
	 */
	constructor(options: {commands: RedisClient; subscriber: RedisClient; log: Logger; prefix: string}) {
		this.#commands = options.commands;
		this.#subscriber = options.subscriber;
		this.#log = options.log;
		this.#prefix = options.prefix;
		this.#subscriber.on('connect', this.#onConnection);
		this.#subscriber.on('ready', this.#onReconnect);
	}

	/** @throws {FanoutUnavailableError} Redis is away, or did not answer within about 10 s (see `RedisConnection`). */
	async publish(room: string, frame: FanoutFrame): Promise<void> {
		try {
			await this.#commands.sPublish(this.#channelOf(room), encodeFrame(frame));
		} catch (error) {
			throw new FanoutUnavailableError('Redis took no event', {cause: error});
		}
	}

	/** @throws {FanoutUnavailableError} Redis is away, so that a room which is new to this process cannot be heard. */
	async subscribe(room: string, handle: Handler): Promise<AsyncDisposable> {
		const channel = this.#channelOf(room);
		const joined = this.#rooms.get(channel) ?? this.#open(channel);
		// The same function may be subscribed twice: each subscription is one of its own.
		const handler: Handler = (frame) => {
			handle(frame);
		};
		joined.handlers.add(handler);
		try {
			await joined.ready;
		} catch (error) {
			if (this.#rooms.get(channel) === joined) {
				this.#rooms.delete(channel);
			}
			throw new FanoutUnavailableError('Redis took no subscription', {cause: error});
		}
		return {[Symbol.asyncDispose]: () => this.#leave(channel, joined, handler)};
	}

	onGap(handle: () => void): Disposable {
		const handler = (): void => {
			handle();
		};
		this.#gapHandlers.add(handler);
		return {[Symbol.dispose]: () => this.#gapHandlers.delete(handler)};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#subscriber.off('connect', this.#onConnection);
		this.#subscriber.off('ready', this.#onReconnect);
		this.#gapHandlers.clear();
		const channels = [...this.#rooms.keys()];
		this.#rooms.clear();
		await Promise.all(channels.map((channel) => this.#unsubscribe(channel)));
	}

	#channelOf(room: string): string {
		return `${this.#prefix}:room:${room}`;
	}

	#open(channel: string): Room {
		const room = {handlers: new Set<Handler>(), ready: this.#subscribe(channel)};
		this.#rooms.set(channel, room);
		return room;
	}

	async #leave(channel: string, room: Room, handler: Handler): Promise<void> {
		room.handlers.delete(handler);
		if (room.handlers.size === 0 && this.#rooms.get(channel) === room) {
			this.#rooms.delete(channel);
			await this.#unsubscribe(channel);
		}
	}

	async #subscribe(channel: string): Promise<void> {
		// Unlike other commands these are queued while Redis is away, offline queue or not.
		if (!this.#subscriber.isReady) {
			throw new Error('the connection is down');
		}
		await this.#subscriber.sSubscribe(channel, this.#receive, true);
	}

	/** Best effort: what fails here, fails with the connection, and is made good when that is back. */
	async #unsubscribe(channel: string): Promise<void> {
		if (!this.#subscriber.isReady) {
			return;
		}
		try {
			await this.#subscriber.sUnsubscribe(channel, this.#receive, true);
		} catch (error) {
			this.#log.debug({error, channel}, 'fanout.unsubscribe.failed');
		}
	}

	readonly #onConnection = (): void => {
		this.#isGapUntold = true;
	};

	readonly #onReconnect = (): void => {
		// The client has renewed every subscription that it knew, those included whose end got lost.
		for (const channel of this.#subscriber.getPubSubListeners('SHARDED').keys()) {
			if (channel.startsWith(this.#channelOf('')) && !this.#rooms.has(channel)) void this.#unsubscribe(channel);
		}
		this.#tellGap();
	};

	/** Never throws: the client would lose its place in what Redis sends. */
	readonly #receive = (message: Buffer, channel: Buffer): void => {
		// Before anything that follows it; and once more when all subscriptions stand again.
		if (this.#isGapUntold) this.#tellGap();
		const room = this.#rooms.get(channel.toString());
		if (room === undefined) {
			return;
		}
		let frame: FanoutFrame;
		try {
			frame = decodeFrame(message);
		} catch (error) {
			this.#log.warn({error}, 'fanout.frame.unreadable');
			this.#tellGap();
			return;
		}
		for (const handle of room.handlers) {
			try {
				handle(frame);
			} catch (error) {
				this.#log.error({error, eventId: frame.eventId}, 'fanout.handler.failed');
			}
		}
	};

	#tellGap(): void {
		this.#isGapUntold = false;
		for (const handle of this.#gapHandlers) {
			try {
				handle();
			} catch (error) {
				this.#log.error({error}, 'fanout.gap-handler.failed');
			}
		}
	}
}
