/** Marks that a store carries: small texts that say what it was written with. @throws {StoreUnavailableError} */
export interface MarkStore {
	find(name: string): Promise<string | undefined>;
	/** Sets a mark that is not there yet, of many callers at once one. @returns the mark as it is then */
	keep(name: string, value: string): Promise<string>;
	/** Sets a mark, whatever it was. */
	replace(name: string, value: string): Promise<void>;
}
