import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';
import {History, type StoredChat} from './history.ts';
import type {SessionServices} from './session-services.ts';
import {readSessionState, unlinkedState, type SessionState} from './session-state.ts';
import {StateWriter} from './state-writer.ts';

/** The names of a session's two documents: what must not be lost, which is small, and what the phone remembers. */
const STATE = 'simulator';
const HISTORY = 'simulator.history';

/** What a session keeps over restarts of the process. */
export class SessionStorage {
	/** Changed in place. */
	readonly state: SessionState;
	/** Changed in place. */
	readonly history: History;
	readonly stateWriter: StateWriter;
	/** History is always saved later: it may be a second behind. */
	readonly historyWriter: StateWriter;

	constructor(name: string, {state, history}: StoredSession, {store, clock, log}: SessionServices) {
		this.state = state;
		this.history = history;
		this.stateWriter = new StateWriter({write: () => store.save(STATE, name, JSON.stringify(state)), clock, log});
		this.historyWriter = new StateWriter({write: () => store.save(HISTORY, name, JSON.stringify(history)), clock, log});
	}

	/** Resolves once the state is durable. Rejects with what the store threw. */
	save(): Promise<void> {
		return this.stateWriter.save();
	}

	/** Forgets everything that ends with the credentials. The state is still to be saved. */
	unlink(): void {
		Object.assign(this.state, unlinkedState());
		this.history.clear();
		this.historyWriter.saveLater();
	}

	/** Writes what is still to be written, then nothing more. */
	async close(): Promise<void> {
		await Promise.all([this.stateWriter.close(), this.historyWriter.close()]);
	}

	/** Writes nothing more. */
	async discard(): Promise<void> {
		await Promise.all([this.stateWriter.discard(), this.historyWriter.discard()]);
	}
}

/** A session as the store has it. */
export interface StoredSession {
	readonly state: SessionState;
	readonly history: History;
}

/** Everything that is stored, by name. @throws {SetupError} another version wrote it */
export async function readSessions(store: EngineStateStore): Promise<ReadonlyMap<string, StoredSession>> {
	const names = await store.list(STATE);
	const sessions = await Promise.all(names.map((name) => readSession(store, name)));
	return new Map(names.flatMap((name, index) => (sessions[index] === undefined ? [] : [[name, sessions[index]]])));
}

/** Does nothing when nothing is stored. */
export async function removeSession(store: EngineStateStore, name: string): Promise<void> {
	await Promise.all([store.remove(STATE, name), store.remove(HISTORY, name)]);
}

async function readSession(store: EngineStateStore, name: string): Promise<StoredSession | undefined> {
	const [state, chats] = await Promise.all([store.load(STATE, name), store.load(HISTORY, name)]);
	if (state === undefined) {
		return undefined;
	}
	const history = new History(chats === undefined ? [] : (JSON.parse(chats) as StoredChat[]));
	return {state: readSessionState(name, state), history};
}
