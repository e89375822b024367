import {StoreUnavailableError} from '../../domain/errors.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {Stores} from '../../domain/ports/stores.ts';

/** Real stores that can be taken away from those who use them. */
export class FaultyStores implements HealthCheck {
	readonly dependency = 'store';
	/** `away` refuses at once; `losing answers` does what it is asked and fails then. */
	mode: 'working' | 'away' | 'losing answers' = 'working';
	readonly stores: Stores;

	constructor(stores: Stores) {
		const wrapped = Object.entries(stores).map(([name, store]) => [name, this.#wrap(store as object)]);
		this.stores = Object.fromEntries(wrapped) as Stores;
	}

	check(): Promise<void> {
		return this.mode === 'working' ? Promise.resolve() : Promise.reject(unavailable());
	}

	#wrap(store: object): object {
		return new Proxy(store, {
			get: (target, key) => {
				const member: unknown = Reflect.get(target, key);
				return typeof member === 'function'
					? (...parameters: unknown[]) => this.#call(() => Reflect.apply(member, target, parameters) as unknown)
					: member;
			},
		});
	}

	async #call(work: () => unknown): Promise<unknown> {
		if (this.mode === 'away') {
			throw unavailable();
		}
		const result = await work();
		if (this.mode === 'losing answers') {
			throw unavailable();
		}
		return result;
	}
}

function unavailable(): StoreUnavailableError {
	return new StoreUnavailableError('switched off by the test');
}
