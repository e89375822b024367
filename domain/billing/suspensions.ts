import type {Publisher} from '../broker/publisher.ts';
import type {Connection} from '../connections/connection.ts';
import {sessionCommand} from '../connections/session-command.ts';
import {SlotsExhaustedError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {Logger} from '../ports/logger.ts';
import type {Entitlement} from './entitlement.ts';
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
	 * Suspends and resumes what has to be; does nothing where all is as it should be. The user is to be told (`Entitlement.notices`), also
	 * of what was done by a call that ended half-way.
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} sessions and notices follow when it is called again
	 */
	async apply(userId: string): Promise<void> {
		await this.#settle(userId);
		await this.#tell(userId);
	}

	/** Stops the sessions of suspended connections once more: a command may have failed. */
	async stopAgain(userId: string): Promise<void> {
		for (const connection of await listAllOf(this.#connections, userId)) {
			if (connection.suspendedAt !== null) await this.#publisher.command(sessionCommand('session.stop', connection));
		}
	}

	async #settle(userId: string): Promise<void> {
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

	async #suspendNewest(userId: string, connections: readonly Connection[]): Promise<boolean> {
		const limit = await this.#entitlements.runningOf(await this.#entitlements.get(userId));
		const suspended: Connection[] = [];
		for (const connection of connections.filter(({suspendedAt}) => suspendedAt === null).slice(limit)) {
			if (await this.#connections.suspend(connection.id, new Date(this.#clock.now()))) suspended.push(connection);
		}
		if (suspended.length === 0) {
			return false;
		}
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

	/** By what is stored: whoever ended between a change and its notice leaves that to the next. */
	async #tell(userId: string): Promise<void> {
		let untold: readonly Notice[] = [];
		await this.#entitlements.change(userId, async (current) => {
			const connections = await listAllOf(this.#connections, userId);
			const suspended = connections.filter(({suspendedAt}) => suspendedAt !== null).map(({id}) => id);
			untold = this.#untold(current, connections, new Set(suspended));
			return untold.length === 0 && suspended.length === current.toldSuspended.length
				? undefined
				: {...current, notices: [...current.notices, ...untold], toldSuspended: suspended};
		});
		for (const {event, payload} of untold) this.#log.info({userId, ...payload}, event);
	}

	/** Of a connection that was deleted meanwhile nothing is told. */
	#untold(
		entitlement: Entitlement,
		connections: readonly Connection[],
		suspended: ReadonlySet<string>,
	): readonly Notice[] {
		const [ids, told] = [connections.map(({id}) => id), new Set(entitlement.toldSuspended)];
		const newlySuspended = ids.filter((id) => suspended.has(id) && !told.has(id));
		const resumed = ids.filter((id) => told.has(id) && !suspended.has(id));
		const atMs = this.#clock.now();
		const notices: Notice[] = [];
		if (newlySuspended.length > 0) {
			const {running: slots} = this.#entitlements.limitOf(entitlement);
			const status = this.#entitlements.counting(entitlement).subscription?.status ?? null;
			notices.push({event: 'billing.suspended', atMs, payload: {connectionIds: newlySuspended, slots, status}});
		}
		if (resumed.length > 0) {
			notices.push({event: 'billing.resumed', atMs, payload: {connectionIds: resumed}});
		}
		return notices;
	}
}
