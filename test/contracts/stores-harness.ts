import type {Stores} from '../../domain/ports/stores.ts';

/** Empty stores of one test; gone when disposed. */
export interface StoresFixture extends AsyncDisposable {
	readonly stores: Stores;
	/** The same data through instances of their own, as another process has them. */
	readonly others: Stores;
	/** Deletes whatever is kept for a time only, as if that time had passed. */
	expireAll(): Promise<void>;
}

/** What the suites of the store ports need to know of an adapter. */
export interface StoresHarness {
	open(): Promise<StoresFixture>;
}
