import type {ConnectionStatus} from '../connections/connection.ts';
import {answerWithin} from '../engines/answer-within.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {Logger} from '../ports/logger.ts';
import type {WorkerStore} from '../ports/worker-store.ts';
import type {Worker} from './worker.ts';

/** A worker that has not told its sessions by then is shown without. */
const ANSWER_TIMEOUT_MS = 3000;

/** What a worker holds. */
export interface WorkerLoad {
	readonly worker: Worker;
	/** Places taken, as the store knows them. */
	readonly places: number;
	/** Sessions that run there, as the engine says; null when it does not answer. */
	readonly sessions: number | null;
}

/** The whole installation, as administrators see it. */
export interface Infrastructure {
	/** In the order in which they are filled. */
	readonly workers: readonly WorkerLoad[];
	/** How many connections of all users have each status, deleted ones left out. */
	readonly connections: Readonly<Partial<Record<ConnectionStatus, number>>>;
}

/** Tells administrators how full the workers are. */
export class InfrastructureOverview {
	readonly #engines: EngineDirectory;
	readonly #workers: WorkerStore;
	readonly #connections: ConnectionStore;
	readonly #clock: Clock;
	readonly #log: Logger;

	constructor(options: {
		engines: EngineDirectory;
		workers: WorkerStore;
		connections: ConnectionStore;
		clock: Clock;
		log: Logger;
	}) {
		this.#engines = options.engines;
		this.#workers = options.workers;
		this.#connections = options.connections;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** Answers within seconds, however many workers are away. @throws {StoreUnavailableError} */
	async show(): Promise<Infrastructure> {
		const [workers, connections] = await Promise.all([
			Promise.all(this.#engines.workers().map((worker) => this.#loadOf(worker))),
			this.#connections.countByStatus(),
		]);
		return {workers, connections};
	}

	async #loadOf(worker: Worker): Promise<WorkerLoad> {
		const [places, sessions] = await Promise.all([
			this.#workers.countPlaces(worker.id),
			this.#countSessions(worker.id).catch((error: unknown) => {
				this.#log.warn({error, workerId: worker.id}, 'infrastructure.worker.silent');
				return null;
			}),
		]);
		return {worker, places, sessions};
	}

	async #countSessions(workerId: string): Promise<number> {
		const asked = this.#engines.engineOf(workerId).sessions.list();
		const sessions = await answerWithin(this.#clock, ANSWER_TIMEOUT_MS, asked);
		return sessions.filter(({status}) => status !== 'STOPPED').length;
	}
}
