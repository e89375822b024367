import {lossOf, type Connection} from '../../domain/connections/connection.ts';
import {answerWithin} from '../../domain/engines/answer-within.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Worker} from '../../domain/workers/worker.ts';

/** One call for each worker; events tell everything but a loss sooner. */
const EVERY_MS = 30_000;

/** A worker that has not told its sessions by then is asked again in the next round; a round of the supervisor takes seconds. */
const ANSWER_TIMEOUT_MS = 5000;

/**
 * Finds sessions that their worker has lost: somebody deleted them there, or its disk is gone. No event tells of that, and whoever
 * asked the engine would be told for ever that there is no such session. Their connections become `pending`, so that the supervisor
 * has them created again.
 */
export class SessionReconciler {
	readonly #connections: Pick<ConnectionStore, 'listProvisioned' | 'applyReport'>;
	readonly #engines: EngineDirectory;
	readonly #clock: Clock;
	readonly #log: Logger;
	#reconciledAtMs = -Infinity;

	constructor(options: {
		connections: Pick<ConnectionStore, 'listProvisioned' | 'applyReport'>;
		engines: EngineDirectory;
		clock: Clock;
		log: Logger;
	}) {
		this.#connections = options.connections;
		this.#engines = options.engines;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** Every 30 s; else it does nothing. A worker that cannot tell costs the others nothing, and its sessions are left as they are. */
	async reconcile(): Promise<void> {
		if (this.#clock.now() - this.#reconciledAtMs < EVERY_MS) {
			return;
		}
		this.#reconciledAtMs = this.#clock.now();
		await Promise.all(this.#engines.workers().map((worker) => this.#reconcileWorker(worker)));
	}

	async #reconcileWorker(worker: Worker): Promise<void> {
		try {
			for (const connection of await answerWithin(this.#clock, ANSWER_TIMEOUT_MS, this.#listLost(worker))) {
				this.#log.warn({connectionId: connection.id, workerId: worker.id}, 'session.lost');
				await this.#connections.applyReport(connection.id, lossOf(connection));
			}
		} catch (error) {
			this.#log.warn({error, workerId: worker.id}, 'supervisor.reconcile.failed');
		}
	}

	/** In this order: a session that has reported before the worker tells what it has is among them, unless it is lost. */
	async #listLost({id}: Worker): Promise<readonly Connection[]> {
		const connections = await this.#connections.listProvisioned(id);
		const names = new Set((await this.#engines.engineOf(id).sessions.list()).map(({name}) => name));
		return connections.filter(({sessionName}) => !names.has(sessionName));
	}
}
