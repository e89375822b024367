import {EngineError} from '../../domain/errors.ts';
import {History} from './history.ts';
import type {Seed} from './seed.ts';
import type {SessionServices} from './session-services.ts';
import {newSessionState} from './session-state.ts';
import {readSessions, removeSession, type StoredSession} from './session-storage.ts';
import {SimulatedSession} from './simulated-session.ts';

/** The sessions of one simulator, read from the store when the first of them is asked for. */
export class SessionDirectory {
	readonly #services: SessionServices;
	readonly #seed: Seed;
	readonly #sessions = new Map<string, SimulatedSession>();
	#loading: Promise<void> | undefined;

	constructor({services, seed}: {services: SessionServices; seed: Seed}) {
		this.#services = services;
		this.#seed = seed;
	}

	/** Brings back every session that ran when the process ended. @throws {StoreUnavailableError} call again */
	async load(): Promise<void> {
		this.#loading ??= this.#load().catch((error: unknown) => {
			this.#loading = undefined;
			throw error;
		});
		await this.#loading;
	}

	/** @throws {EngineError} SESSION_NOT_FOUND */
	async get(name: string): Promise<SimulatedSession> {
		const session = await this.find(name);
		if (session === undefined) {
			throw new EngineError(
				'SESSION_NOT_FOUND',
				'The engine does not know this session: it is created again within a minute, then link the phone',
			);
		}
		return session;
	}

	async find(name: string): Promise<SimulatedSession | undefined> {
		await this.load();
		return this.#sessions.get(name);
	}

	async list(): Promise<readonly SimulatedSession[]> {
		await this.load();
		return [...this.#sessions.values()];
	}

	/** The session of this name, made if there is none. */
	async ensure(name: string): Promise<SimulatedSession> {
		await this.load();
		return this.#sessions.get(name) ?? this.#open(name, {state: newSessionState(), history: new History()});
	}

	/** Deletes it with what is stored; does nothing when there is none. */
	async remove(name: string): Promise<void> {
		await this.load();
		const session = this.#sessions.get(name);
		this.#sessions.delete(name);
		await session?.remove();
		await removeSession(this.#services.store, name);
	}

	/** Sessions stand still, and stay as they are in the store. */
	async close(): Promise<void> {
		await Promise.allSettled([this.#loading]);
		await Promise.all([...this.#sessions.values()].map((session) => session.close()));
	}

	/** Reads everything before anything starts, so that a store which fails half-way leaves nothing half done. */
	async #load(): Promise<void> {
		for (const [name, stored] of await readSessions(this.#services.store)) {
			this.#bringBack(name, stored);
		}
	}

	#bringBack(name: string, stored: StoredSession): void {
		stored.state.generation++;
		const session = this.#open(name, stored);
		if (stored.state.running) {
			session.start().catch((error: unknown) => {
				// It runs all the same, and what is stored still says so.
				this.#services.log.warn({error, session: name}, 'simulator.state.unsaved');
			});
		}
	}

	#open(name: string, stored: StoredSession): SimulatedSession {
		const options = {name, stored, seed: this.#seed.child(name), services: this.#services};
		const session = new SimulatedSession(options);
		this.#sessions.set(name, session);
		return session;
	}
}
