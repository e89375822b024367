import {StoreUnavailableError} from '../../domain/errors.ts';
import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';

/** Keeps documents in memory, for engines that are restarted within a test. */
export class MemoryEngineState implements EngineStateStore {
	readonly #documents = new Map<string, string>();
	/** While true, every call fails. */
	away = false;

	load(engine: string, session: string): Promise<string | undefined> {
		return this.#answer(() => this.#documents.get(`${engine}/${session}`));
	}

	save(engine: string, session: string, state: string): Promise<void> {
		return this.#answer(() => {
			this.#documents.set(`${engine}/${session}`, state);
		});
	}

	remove(engine: string, session: string): Promise<void> {
		return this.#answer(() => {
			this.#documents.delete(`${engine}/${session}`);
		});
	}

	list(engine: string): Promise<readonly string[]> {
		return this.#answer(() =>
			[...this.#documents.keys()]
				.filter((key) => key.startsWith(`${engine}/`))
				.map((key) => key.slice(engine.length + 1)),
		);
	}

	/** Like a real store, never in the same turn. */
	async #answer<T>(call: () => T): Promise<T> {
		await Promise.resolve();
		if (this.away) {
			throw new StoreUnavailableError('switched off by the test');
		}
		return call();
	}
}
