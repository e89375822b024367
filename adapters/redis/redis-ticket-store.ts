import {FanoutUnavailableError} from '../../domain/errors.ts';
import type {TicketStore} from '../../domain/ports/ticket-store.ts';
import type {RedisClient} from './redis-connection.ts';

/** Tickets that every process takes: a key of Redis each, read and deleted in one step. */
export class RedisTicketStore implements TicketStore {
	readonly #commands: RedisClient;
	readonly #prefix: string;

	/** @param prefix starts the keys' names */
	constructor({commands, prefix}: {commands: RedisClient; prefix: string}) {
		this.#commands = commands;
		this.#prefix = prefix;
	}

	/** @throws {FanoutUnavailableError} Redis is away */
	async put(key: string, value: string, ttlMs: number): Promise<void> {
		try {
			await this.#commands.set(this.#keyOf(key), value, {expiration: {type: 'PX', value: Math.ceil(ttlMs)}});
		} catch (error) {
			throw new FanoutUnavailableError('Redis took no ticket', {cause: error});
		}
	}

	/** @throws {FanoutUnavailableError} Redis is away */
	async take(key: string): Promise<string | undefined> {
		try {
			return (await this.#commands.getDel(this.#keyOf(key))) ?? undefined;
		} catch (error) {
			throw new FanoutUnavailableError('Redis gave no ticket', {cause: error});
		}
	}

	#keyOf(key: string): string {
		return `${this.#prefix}:ticket:${key}`;
	}
}
