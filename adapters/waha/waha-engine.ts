import type {Account} from '../../domain/connections/connection.ts';
import {isEngineError} from '../../domain/engines/is-engine-error.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {
	CapabilityTable,
	EngineHistory,
	EngineLink,
	EngineMedia,
	EngineMessages,
	EnginePresence,
	EngineSessions,
	WhatsAppEngine,
} from '../../domain/ports/whatsapp-engine.ts';
import {capabilitiesOf, type WahaEngineName} from './waha-capabilities.ts';
import {WahaClient, type WahaDeadlines} from './waha-client.ts';
import {engineError} from './waha-failure.ts';
import {WahaHistory} from './waha-history.ts';
import {WahaLink} from './waha-link.ts';
import {toLinkedAccount} from './waha-mapper.ts';
import {WahaMedia} from './waha-media.ts';
import {WahaMessages} from './waha-messages.ts';
import {sessionPath} from './waha-paths.ts';
import {WahaPresence} from './waha-presence.ts';
import {WahaSessions} from './waha-sessions.ts';
import {fieldsOf} from './waha-values.ts';

/** What is needed to talk to one WAHA. */
export interface WahaSettings {
	/** Of the server: `/api` and `/ping` lie below it. */
	readonly baseUrl: string;
	readonly apiKey: string;
	/** What the server runs (its `WHATSAPP_DEFAULT_ENGINE`). Default GOWS. */
	readonly engine?: WahaEngineName;
	readonly clock: Clock;
	readonly deadlines?: Partial<WahaDeadlines>;
}

/** One WAHA server, 2026.7.1 or newer. Disposing it closes idle connections. */
export class WahaEngine implements WhatsAppEngine, Disposable {
	readonly sessions: EngineSessions;
	readonly link: EngineLink;
	readonly messages: EngineMessages;
	readonly presence: EnginePresence;
	readonly history: EngineHistory;
	readonly media: EngineMedia;
	readonly #client: WahaClient;
	readonly #engine: WahaEngineName;

	constructor({engine = 'GOWS', clock, ...server}: WahaSettings) {
		const client = new WahaClient(server);
		this.#client = client;
		this.#engine = engine;
		this.sessions = new WahaSessions({client});
		this.link = new WahaLink({client, sessions: this.sessions, clock});
		this.history = new WahaHistory({client, engine});
		this.messages = new WahaMessages({client, engine, history: this.history, clock});
		this.presence = new WahaPresence({client});
		this.media = new WahaMedia({client, baseUrl: server.baseUrl});
	}

	/** WAHA answers 404 for a session that is not running, too. */
	async me(session: string): Promise<Account | null> {
		try {
			return toLinkedAccount(await this.#client.read(`${sessionPath(session)}/me`));
		} catch (error) {
			if (!isEngineError(error, 'SESSION_NOT_FOUND')) throw error;
			const found = await this.sessions.find(session);
			if (found === undefined) throw engineError('SESSION_NOT_FOUND');
			return found.me;
		}
	}

	capabilities(): CapabilityTable {
		return capabilitiesOf(this.#engine);
	}

	/** Needs no key and says nothing of WhatsApp: the process is there. */
	async ping(signal: AbortSignal): Promise<void> {
		const answer = await this.#client.read('ping', {signal});
		if (fieldsOf(answer)['message'] !== 'pong') {
			throw engineError('ENGINE_UNAVAILABLE', new Error('what answers at this URL is no WAHA'));
		}
	}

	[Symbol.dispose](): void {
		this.#client[Symbol.dispose]();
	}
}
