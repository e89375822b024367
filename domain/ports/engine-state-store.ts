/** Small documents that an in-process engine keeps, by engine and session. */
export interface EngineStateStore {
	load(engine: string, session: string): Promise<string | undefined>;
	/** Writes the whole document. */
	save(engine: string, session: string, state: string): Promise<void>;
	remove(engine: string, session: string): Promise<void>;
	/** Names of all sessions that have a document. */
	list(engine: string): Promise<readonly string[]>;
}
