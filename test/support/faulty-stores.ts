import {setImmediate} from 'node:timers/promises';
import {StoreUnavailableError} from '../../domain/errors.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {Stores} from '../../domain/ports/stores.ts';

/** Real stores that can be taken away from those who use them. */
export class FaultyStores implements HealthCheck {
	readonly dependency = 'store';
	/** `away` refuses; `losing answers` does what it is asked and fails then. */
	mode: 'working' | 'away' | 'losing answers' = 'working';
	readonly stores: Stores;
	readonly #calls = new Map<string, number>();
	readonly #refused = new Set<string>();
	readonly #unanswered = new Set<string>();
	readonly #interludes = new Map<string, (result: unknown) => Promise<boolean>>();

	constructor(stores: Stores) {
		const wrapped = Object.entries(stores).map(([name, store]) => [name, this.#wrap(store as object)]);
		this.stores = Object.fromEntries(wrapped) as Stores;
	}

	check(): Promise<void> {
		return this.mode === 'working' ? Promise.resolve() : Promise.reject(unavailable());
	}

	/** How often a method was called, of whatever store. */
	calls(method: string): number {
		return this.#calls.get(method) ?? 0;
	}

	/** Refuses the next call of a method, though the store is well. */
	refuseNext(method: string): void {
		this.#refused.add(method);
	}

	/** Lets the next call of a method be done, and its answer be lost. */
	loseNextAnswer(method: string): void {
		this.#unanswered.add(method);
	}

	/** Lets something happen between the end of a method's call and its answer, at each call until `work` says that it was the one. */
	beforeAnswer(method: string, work: (result: unknown) => Promise<boolean>): void {
		this.#interludes.set(method, work);
	}

	#wrap(store: object): object {
		return new Proxy(store, {
			get: (target, key) => {
				const member: unknown = Reflect.get(target, key);
				if (typeof member !== 'function') return member;
				return (...parameters: unknown[]) =>
					this.#call(String(key), () => Reflect.apply(member, target, parameters) as unknown);
			},
		});
	}

	async #call(method: string, work: () => unknown): Promise<unknown> {
		this.#calls.set(method, this.calls(method) + 1);
		if (this.#refused.delete(method) || this.mode === 'away') {
			// Like a real store, never in the same turn.
			await setImmediate();
			throw unavailable();
		}
		const result = await work();
		await this.#interlude(method, result);
		if (this.#unanswered.delete(method) || this.mode === 'losing answers') {
			throw unavailable();
		}
		return result;
	}

	/** Never within itself: it may call the same method. */
	async #interlude(method: string, result: unknown): Promise<void> {
		const work = this.#interludes.get(method);
		if (work === undefined) return;
		this.#interludes.delete(method);
		if (!(await work(result))) this.#interludes.set(method, work);
	}
}

function unavailable(): StoreUnavailableError {
	return new StoreUnavailableError('switched off by the test');
}
