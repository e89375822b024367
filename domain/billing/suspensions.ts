import type {Publisher} from '../broker/publisher.ts';
import type {Connection} from '../connections/connection.ts';
import {sessionCommand} from '../connections/session-command.ts';
import {SlotsExhaustedError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {Logger} from '../ports/logger.ts';
import type {Entitlements} from './entitlements.ts';
import {listAllOf} from './list-all-of.ts';
import type {Notice} from './notice.ts';
import type {Slots} from './slots.ts';

/** Each round but the last met a change of what the user may run; whatever is left then, the next look finds. */
const MAX_ROUNDS = 5;

/**
 * Keeps what runs within what may run: of too many connections the newest are suspended, and the oldest of those run again once there is
 * a slot. Suspended means stopped: nobody is logged out, nothing is deleted.
 */
export class Suspensions {
	readonly #entitlements: Entitlements;
	readonly #slots: Slots;
	readonly #connections: ConnectionStore;
	readonly #publisher: Pick<Publisher, 'command'>;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor(options: {
		entitlements: Entitlements;
		slots: Slots;
		connections: ConnectionStore;
		publisher: Pick<Publisher, 'command'>;
		clock: Clock;
		log: Logger;
	}) {
		this.#entitlements = options.entitlements;
		this.#slots = options.slots;
		this.#connections = options.connections;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * Suspends and resumes what has to be; does nothing where all is as it should be. The user is to be told (`Entitlement.notices`).
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} sessions follow when it is called again
	 */
	async apply(userId: string): Promise<void> {
		for (let round = 0; round < MAX_ROUNDS; round++) {
			const {version} = await this.#entitlements.get(userId);
			const connections = await listAllOf(this.#connections, userId);
			const isChanged =
				(await this.#suspendNewest(userId, connections)) || (await this.#resumeOldest(userId, connections));
			if (!isChanged && (await this.#entitlements.get(userId)).version === version) {
				return;
			}
		}
	}

	/** Stops the sessions of suspended connections once more: a command may have failed. */
	async stopAgain(userId: string): Promise<void> {
		for (const connection of await listAllOf(this.#connections, userId)) {
			if (connection.suspendedAt !== null) await this.#publisher.command(sessionCommand('session.stop', connection));
		}
	}

	async #suspendNewest(userId: string, connections: readonly Connection[]): Promise<boolean> {
		const entitlement = await this.#entitlements.get(userId);
		const limit = await this.#entitlements.runningOf(entitlement);
		const suspended: Connection[] = [];
		for (const connection of connections.filter(({suspendedAt}) => suspendedAt === null).slice(limit)) {
			if (await this.#connections.suspend(connection.id, new Date(this.#clock.now()))) suspended.push(connection);
		}
		if (suspended.length === 0) {
			return false;
		}
		const status = entitlement.subscription?.status ?? null;
		await this.#note(userId, 'billing.suspended', suspended, {slots: limit, status});
		for (const connection of suspended) {
			await this.#slots.release(userId, connection.id);
			await this.#publisher.command(sessionCommand('session.stop', connection));
		}
		return true;
	}

	async #resumeOldest(userId: string, connections: readonly Connection[]): Promise<boolean> {
		const resumed: Connection[] = [];
		for (const connection of connections.filter(({suspendedAt}) => suspendedAt !== null)) {
			if (!(await this.#hasSlot(userId, connection.id))) break;
			if (await this.#connections.resume(connection.id, new Date(this.#clock.now()))) resumed.push(connection);
			// Somebody else resumed or deleted it: the slot is his, or an orphan.
		}
		if (resumed.length === 0) {
			return false;
		}
		await this.#note(userId, 'billing.resumed', resumed, {});
		for (const connection of resumed) {
			await this.#publisher.command(sessionCommand('session.ensure', connection));
		}
		return true;
	}

	async #hasSlot(userId: string, connectionId: string): Promise<boolean> {
		try {
			await this.#slots.take(userId, connectionId);
			return true;
		} catch (error) {
			if (error instanceof SlotsExhaustedError) return false;
			throw error;
		}
	}

	async #note(
		userId: string,
		event: Notice['event'],
		connections: readonly Connection[],
		payload: Notice['payload'],
	): Promise<void> {
		const connectionIds = connections.map(({id}) => id);
		const notice: Notice = {event, atMs: this.#clock.now(), payload: {connectionIds, ...payload}};
		await this.#entitlements.change(userId, (current) => ({...current, notices: [...current.notices, notice]}));
		this.#log.info({userId, connectionIds}, event);
	}
}
