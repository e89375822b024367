import type {Account} from '../../domain/connections/connection.ts';
import type {
	CapabilityTable,
	EngineLink,
	EngineMessages,
	EngineSessions,
	WhatsAppEngine,
} from '../../domain/ports/whatsapp-engine.ts';

/** A call that waits at the gate. */
export interface GatedCall {
	/** The text of a message, or the session that is to be there. */
	readonly subject: string;
	/** Lets it through to the engine. */
	pass(): void;
	/** Ends it, as if the engine had failed like this. */
	fail(error: Error): void;
}

/** A real engine whose sends, and session creations if wanted, wait until the test lets each of them go. */
export class GatedEngine implements WhatsAppEngine {
	/** Every call in the order in which they came, gone ones included. */
	readonly calls: GatedCall[] = [];
	gatesSessions = false;
	readonly sessions: EngineSessions;
	readonly link: EngineLink;
	readonly messages: EngineMessages;
	readonly #engine: WhatsAppEngine;

	constructor(engine: WhatsAppEngine) {
		this.#engine = engine;
		this.link = engine.link;
		const {sessions} = engine;
		this.sessions = {
			ensure: async (session, config) => {
				if (this.gatesSessions) await this.#wait(session);
				return sessions.ensure(session, config);
			},
			start: (session) => sessions.start(session),
			stop: (session) => sessions.stop(session),
			restart: (session) => sessions.restart(session),
			logout: (session) => sessions.logout(session),
			remove: (session) => sessions.remove(session),
			find: (session) => sessions.find(session),
			list: () => sessions.list(),
		};
		this.messages = {
			send: async (session, message, clientMessageId, signal) => {
				await this.#wait(message.content.text);
				return engine.messages.send(session, message, clientMessageId, signal);
			},
		};
	}

	/** What came to the gate so far. */
	get subjects(): readonly string[] {
		return this.calls.map(({subject}) => subject);
	}

	me(session: string): Promise<Account | null> {
		return this.#engine.me(session);
	}

	capabilities(): CapabilityTable {
		return this.#engine.capabilities();
	}

	ping(signal: AbortSignal): Promise<void> {
		return this.#engine.ping(signal);
	}

	#wait(subject: string): Promise<undefined> {
		const {promise, resolve, reject} = Promise.withResolvers<undefined>();
		this.calls.push({
			subject,
			pass: () => {
				resolve(undefined);
			},
			fail: reject,
		});
		return promise;
	}
}
