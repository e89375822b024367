import {randomUUID} from 'node:crypto';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {sessionCommand} from '../../domain/connections/session-command.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {LeaseStore} from '../../domain/ports/lease-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Retention} from '../../domain/ports/retention.ts';
import {Rounds} from '../rounds.ts';

const LEASE = 'supervisor';
const ROUND_MS = 10_000;
/** Two missed rounds and somebody else takes over. */
const LEASE_TTL_MS = 30_000;
/** Sessions asked for in one round: workers start them one by one. */
const SESSIONS_PER_ROUND = 50;
/** A session that was asked for is not asked for again before its answer, or this long: commands must not pile up at a worker that hangs. */
const ANSWER_WAIT_MS = 60_000;
const SWEEP_EVERY_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

/** Something else that one process at a time has to do, again and again. */
export interface Chore {
	readonly name: string;
	/** Has to be done within some seconds. */
	readonly run: () => Promise<void>;
}

/** Works towards what tenants want: a connection without a session gets one as soon as a worker has room. One leader at a time. */
export class Supervisor {
	readonly #leases: LeaseStore;
	readonly #connections: ConnectionStore;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #retention: Retention | undefined;
	readonly #retentionDays: number;
	readonly #chores: readonly Chore[];
	readonly #holder = randomUUID();
	/** Connections whose session was asked for without an answer yet. */
	readonly #asked = new Set<string>();
	readonly #rounds: Rounds;
	#sweptAtMs = 0;

	/**
	 * @param options.retention deletes what is older than `retentionDays`; absent where the store does it by itself
	 * @param options.chores what the leader does in each round besides; default nothing
	 */
	constructor(options: {
		leases: LeaseStore;
		connections: ConnectionStore;
		publisher: Publisher;
		clock: Clock;
		log: Logger;
		retention?: Retention;
		retentionDays: number;
		chores?: readonly Chore[];
	}) {
		this.#leases = options.leases;
		this.#connections = options.connections;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#retention = options.retention;
		this.#retentionDays = options.retentionDays;
		this.#chores = options.chores ?? [];
		this.#rounds = new Rounds({clock: options.clock, everyMs: ROUND_MS, run: () => this.#run()});
	}

	start(): void {
		this.#rounds.start();
	}

	/** Finishes its round and gives the lease to the next. */
	async stop(): Promise<void> {
		await this.#rounds.stop();
		try {
			await this.#leases.release(LEASE, this.#holder);
		} catch (error) {
			this.#log.warn({error}, 'supervisor.release.failed');
		}
	}

	async #run(): Promise<void> {
		try {
			const fencingToken = await this.#leases.acquire(LEASE, this.#holder, LEASE_TTL_MS, this.#clock.now());
			if (fencingToken !== undefined) {
				await this.#provision();
				await this.#sweep();
				await this.#doChores();
			}
		} catch (error) {
			this.#log.warn({error}, 'supervisor.round.failed');
		}
	}

	/** `session.ensure` is idempotent, so that a repeat (two leaders for a moment, a slow worker) does no harm. */
	async #provision(): Promise<void> {
		const unprovisioned = await this.#connections.listUnprovisioned(SESSIONS_PER_ROUND);
		const connections = unprovisioned.filter(({id}) => !this.#asked.has(id));
		for (const connection of connections) {
			void this.#ensure(connection);
		}
		if (connections.length > 0) {
			this.#log.info({connections: connections.length}, 'supervisor.ensure');
		}
	}

	async #ensure(connection: Connection): Promise<void> {
		const {id} = connection;
		this.#asked.add(id);
		try {
			await this.#publisher.request(sessionCommand('session.ensure', connection), ANSWER_WAIT_MS);
		} catch (error) {
			this.#log.warn({error, connectionId: id}, 'supervisor.ensure.failed');
		} finally {
			this.#asked.delete(id);
		}
	}

	/** One that fails costs the others nothing. */
	async #doChores(): Promise<void> {
		for (const {name, run} of this.#chores) {
			try {
				await run();
			} catch (error) {
				this.#log.warn({error, chore: name}, 'supervisor.chore.failed');
			}
		}
	}

	async #sweep(): Promise<void> {
		const now = this.#clock.now();
		if (this.#retention === undefined || now - this.#sweptAtMs < SWEEP_EVERY_MS) {
			return;
		}
		this.#sweptAtMs = now;
		const rows = await this.#retention.sweep(new Date(now - this.#retentionDays * DAY_MS));
		this.#log.info({rows}, 'retention.swept');
	}
}
