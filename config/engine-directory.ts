import {digest} from '../domain/hashing.ts';
import {EngineError} from '../domain/errors.ts';
import type {EngineDirectory} from '../domain/ports/engine-directory.ts';
import type {HealthCheck} from '../domain/ports/health-check.ts';
import type {WhatsAppEngine} from '../domain/ports/whatsapp-engine.ts';
import type {Worker} from '../domain/workers/worker.ts';

interface Entry {
	readonly worker: Worker;
	readonly engine: WhatsAppEngine;
}

/** The id of a configured worker: a UUID derived from its name, so that every process gives it the same. */
export function workerIdOf(name: string): string {
	const hex = digest('worker', name).toString('hex');
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The workers that the configuration names. Healthy while at least one of them answers. */
export class ConfiguredEngines implements EngineDirectory, HealthCheck {
	readonly dependency = 'engine';
	readonly #entries: readonly Entry[];

	constructor(entries: readonly Entry[]) {
		this.#entries = entries;
	}

	workers(): readonly Worker[] {
		return this.#entries.map(({worker}) => worker);
	}

	engineOf(workerId: string): WhatsAppEngine {
		const entry = this.#entries.find(({worker}) => worker.id === workerId);
		if (entry === undefined) {
			throw new EngineError('ENGINE_UNAVAILABLE', 'The worker of this connection is not configured any more');
		}
		return entry.engine;
	}

	async check(signal: AbortSignal): Promise<void> {
		const answers = await Promise.allSettled(this.#entries.map(({engine}) => engine.ping(signal)));
		if (!answers.some(({status}) => status === 'fulfilled')) {
			throw new EngineError('ENGINE_UNAVAILABLE', `none of ${this.#entries.length} workers answers`);
		}
	}
}
