import type {Connection} from '../connections/connection.ts';
import {SlotsExhaustedError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {SlotStore} from '../ports/slot-store.ts';
import type {Entitlements} from './entitlements.ts';
import type {Entitlement} from './entitlement.ts';
import {listAllOf} from './list-all-of.ts';

/** What is held longer without a connection is held by nobody: its creation, or its resumption, ended half-way. */
const ORPHAN_AGE_MS = 10 * 60_000;

/**
 * Who holds which slot. Everything is decided by our own record: the billing provider is not asked. Every running connection holds a slot
 * before a new one gets any, so that the number is right also where slots were not sold before.
 */
export class Slots {
	readonly #entitlements: Entitlements;
	readonly #store: SlotStore;
	readonly #connections: Pick<ConnectionStore, 'list' | 'find'>;
	readonly #clock: Clock;

	constructor(options: {
		entitlements: Entitlements;
		store: SlotStore;
		connections: Pick<ConnectionStore, 'list' | 'find'>;
		clock: Clock;
	}) {
		this.#entitlements = options.entitlements;
		this.#store = options.store;
		this.#connections = options.connections;
		this.#clock = options.clock;
	}

	/**
	 * Takes a slot for a connection that is about to run. Whoever asks at the same time gets another one, or none.
	 * @throws {SlotsExhaustedError} says how to get one @throws {StoreUnavailableError}
	 */
	async take(userId: string, connectionId: string): Promise<void> {
		if (this.#entitlements.rules.mode === 'off') {
			return;
		}
		for (;;) {
			const entitlement = await this.#entitlements.get(userId);
			const {starting} = await this.#entitlements.allowanceOf(entitlement);
			if (starting === Infinity) {
				return;
			}
			const taking = starting === 0 ? 'full' : await this.#takeOf(entitlement, connectionId, starting);
			if (taking === 'taken') {
				return;
			}
			if (taking === 'full' && (await this.sweep(entitlement)) === 0) {
				throw new SlotsExhaustedError(this.#entitlements.refusalOf(entitlement).message);
			}
		}
	}

	/** Frees the slot of a connection that does not run any more; does nothing when it held none. */
	async release(userId: string, connectionId: string): Promise<void> {
		if (this.#entitlements.rules.mode !== 'off') {
			await this.#store.release(userId, [connectionId]);
		}
	}

	/**
	 * Frees what is held for a connection that was deleted, or for one that never came to run.
	 * @returns how many slots
	 */
	async sweep({id: userId, holders}: Entitlement): Promise<number> {
		const running = new Set((await this.#running(userId)).map(({id}) => id));
		const orphans: string[] = [];
		for (const {id, takenAtMs} of holders) {
			if (running.has(id)) continue;
			const isDeleted = ((await this.#connections.find(id))?.deletedAt ?? null) !== null;
			if (isDeleted || this.#clock.now() - takenAtMs > ORPHAN_AGE_MS) orphans.push(id);
		}
		if (orphans.length > 0) {
			await this.#store.release(userId, orphans);
		}
		return orphans.length;
	}

	async #takeOf(entitlement: Entitlement, connectionId: string, limit: number): ReturnType<SlotStore['take']> {
		const takenAtMs = this.#clock.now();
		const held = new Set(entitlement.holders.map(({id}) => id));
		const without = (await this.#running(entitlement.id)).filter(({id}) => !held.has(id));
		if (without.length > 0) {
			await this.#store.add(
				entitlement.id,
				without.map(({id}) => ({id, takenAtMs})),
			);
		}
		return this.#store.take(entitlement, {id: connectionId, takenAtMs}, limit);
	}

	async #running(userId: string): Promise<readonly Connection[]> {
		return (await listAllOf(this.#connections, userId)).filter(({suspendedAt}) => suspendedAt === null);
	}
}
