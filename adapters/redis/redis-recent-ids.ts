import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {RecentIds} from '../../domain/ports/recent-ids.ts';
import {MemoryRecentIds} from '../system/memory-recent-ids.ts';
import type {RedisClient} from './redis-connection.ts';

const REMEMBER_MS = 24 * 60 * 60 * 1000;
/** An event waits no longer than this for Redis; it is then taken for new. */
const ANSWER_MS = 50;

/**
 * The ids that all processes have seen in 24 hours, with this process's own memory in front. Fails open: without Redis it
 * is as good as `MemoryRecentIds`.
 */
export class RedisRecentIds implements RecentIds {
	readonly #commands: RedisClient;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #prefix: string;
	readonly #memory: MemoryRecentIds;

	/** @param prefix starts the keys' names */
	constructor(options: {commands: RedisClient; clock: Clock; log: Logger; prefix: string}) {
		this.#commands = options.commands;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#prefix = options.prefix;
		this.#memory = new MemoryRecentIds({clock: options.clock});
	}

	async has(id: string): Promise<boolean> {
		return (await this.#memory.has(id)) || this.#askRedis(id);
	}

	note(id: string): void {
		this.#memory.note(id);
		this.#commands.set(this.#keyOf(id), '1', {expiration: {type: 'PX', value: REMEMBER_MS}}).catch((error: unknown) => {
			this.#log.debug({error, id}, 'recent-ids.note.failed');
		});
	}

	#askRedis(id: string): Promise<boolean> {
		return new Promise((resolve) => {
			const deadline = this.#clock.after(ANSWER_MS, () => {
				resolve(false);
			});
			const answer = (found: boolean): void => {
				deadline[Symbol.dispose]();
				resolve(found);
			};
			this.#commands.exists(this.#keyOf(id)).then(
				(count) => {
					answer(count === 1);
				},
				() => {
					answer(false);
				},
			);
		});
	}

	#keyOf(id: string): string {
		return `${this.#prefix}:recent:${id}`;
	}
}
