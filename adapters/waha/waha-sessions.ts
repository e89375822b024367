import {isEngineError} from '../../domain/engines/is-engine-error.ts';
import type {EngineSession, EngineSessions, SessionConfig} from '../../domain/ports/whatsapp-engine.ts';
import type {WahaClient} from './waha-client.ts';
import {engineError} from './waha-failure.ts';
import {toSession} from './waha-mapper.ts';
import {sessionPath} from './waha-paths.ts';
import {isConfigured, mergeConfig, toWahaConfig, type WahaSessionConfig} from './waha-session-config.ts';

/** The life cycle of sessions on one WAHA. Stopping takes WAHA 4 to 10 s, and so does whatever includes it. */
export class WahaSessions implements EngineSessions {
	readonly #client: WahaClient;

	constructor({client}: {client: WahaClient}) {
		this.#client = client;
	}

	/** A session that runs is restarted only when its configuration differs from what is wanted. */
	async ensure(session: string, config: SessionConfig): Promise<EngineSession> {
		const wanted = toWahaConfig(config);
		try {
			// Without `start`, WAHA creates it stopped, whatever its documentation says.
			return sessionFrom(
				await this.#client.control('POST', 'api/sessions', {name: session, start: true, config: wanted}),
			);
		} catch (error) {
			// "Already exists" has no code of its own: whatever was refused, the session itself tells.
			const existing = isEngineError(error, 'ENGINE_REFUSED') ? await this.#details(session) : undefined;
			if (existing === undefined) throw error;
			return this.#bringUp(existing, wanted);
		}
	}

	async start(session: string): Promise<EngineSession> {
		return sessionFrom(await this.#client.control('POST', `${sessionPath(session)}/start`));
	}

	async stop(session: string): Promise<void> {
		await this.#client.control('POST', `${sessionPath(session)}/stop`);
	}

	async restart(session: string): Promise<EngineSession> {
		return sessionFrom(await this.#client.control('POST', `${sessionPath(session)}/restart`));
	}

	async logout(session: string): Promise<void> {
		sessionFrom(await this.#client.control('POST', `${sessionPath(session)}/logout`));
	}

	async remove(session: string): Promise<void> {
		try {
			await this.#client.control('DELETE', sessionPath(session));
		} catch (error) {
			if (!isEngineError(error, 'SESSION_NOT_FOUND')) throw error;
		}
	}

	async find(session: string): Promise<EngineSession | undefined> {
		return (await this.#details(session))?.session;
	}

	async list(): Promise<readonly EngineSession[]> {
		const answer = await this.#client.read('api/sessions?all=true');
		if (!Array.isArray(answer)) {
			throw engineError('ENGINE_UNAVAILABLE', new Error('WAHA answered no list of sessions'));
		}
		return answer.map(sessionFrom);
	}

	/** Nothing here logs out. `start` does nothing for a session that has failed: that one takes a restart. */
	async #bringUp({session, config}: SessionDetails, wanted: WahaSessionConfig): Promise<EngineSession> {
		const current = isConfigured(config, wanted)
			? session
			: await this.#configure(session.name, mergeConfig(config, wanted));
		const running = await this.#run(current);
		return {...running, me: running.me ?? session.me};
	}

	async #configure(session: string, config: WahaSessionConfig): Promise<EngineSession> {
		return sessionFrom(await this.#client.control('PUT', sessionPath(session), {config}));
	}

	async #run(session: EngineSession): Promise<EngineSession> {
		switch (session.status) {
			case 'STOPPED':
				return this.start(session.name);
			case 'FAILED':
				return this.restart(session.name);
			default:
				return session;
		}
	}

	async #details(session: string): Promise<SessionDetails | undefined> {
		try {
			const answer = await this.#client.read(sessionPath(session));
			return {session: sessionFrom(answer), config: (answer as {config?: unknown}).config};
		} catch (error) {
			if (isEngineError(error, 'SESSION_NOT_FOUND')) return undefined;
			throw error;
		}
	}
}

interface SessionDetails {
	readonly session: EngineSession;
	readonly config: unknown;
}

/** Some calls answer nothing about a session that is not there. @throws {EngineError} SESSION_NOT_FOUND */
function sessionFrom(answer: unknown): EngineSession {
	const session = toSession(answer);
	if (session === undefined) {
		const isNothing = answer === undefined || answer === null;
		throw engineError(isNothing ? 'SESSION_NOT_FOUND' : 'ENGINE_UNAVAILABLE', new Error('WAHA answered no session'));
	}
	return session;
}
