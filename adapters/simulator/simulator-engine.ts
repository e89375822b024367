import {randomUUID} from 'node:crypto';
import type {Account} from '../../domain/connections/connection.ts';
import {EngineError} from '../../domain/errors.ts';
import type {OutboundMessage, SendReceipt} from '../../domain/messaging/outbound.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ChaosSettings, SimulatedMessage, SimulatorControl} from '../../domain/ports/simulator-control.ts';
import type {
	CapabilityTable,
	EngineLink,
	EngineMessages,
	EngineSession,
	EngineSessions,
	EventSink,
	WhatsAppEngine,
} from '../../domain/ports/whatsapp-engine.ts';
import {Seed} from './seed.ts';
import type {AckDelays} from './sent-messages.ts';
import {newSessionState, readSessionState, type SessionState} from './session-state.ts';
import {ENGINE_NAME, SimulatedSession, type SessionServices} from './simulated-session.ts';

const START_MS = 300;
const ACK_DELAYS: AckDelays = {serverMs: 100, deviceMs: 200, readMs: 500};

/** This contact answers every text with the same text. */
const ECHO_CONTACT = '15550107777@c.us';

const CAPABILITIES: CapabilityTable = {
	qr: {level: 'yes'},
	'pairing-code': {level: 'no', note: 'scan the QR code instead, by the simulator route'},
	'send.text': {level: 'degraded', note: 'direct chats only: there are no groups and no channels'},
	'client-message-id': {level: 'yes'},
	me: {level: 'yes'},
};

export interface SimulatorOptions {
	readonly clock: Clock;
	/** Where sessions live over restarts of the process. */
	readonly state: EngineStateStore;
	readonly emit: EventSink;
	readonly log: Logger;
	/** The same seed, clock and calls give the same ids, names, numbers and misfortunes. Default: random. */
	readonly seed?: string | number;
	/** How long STARTING lasts, in milliseconds. Default 300. */
	readonly startMs?: number;
	/** Default 100 ms to SERVER, 200 more to DEVICE, 500 more to READ. */
	readonly ackDelays?: AckDelays;
	/** Contacts who answer what they get. Default: 15550107777@c.us. */
	readonly echo?: readonly string[];
}

/**
 * Engine 0: a WhatsApp of its own, in process, whose events look like those of WAHA's NOWEB engine. Events that the broker
 * does not take wait in memory and follow in order; a crash loses those that no call was answered for.
 */
export class SimulatorEngine implements WhatsAppEngine, SimulatorControl, AsyncDisposable {
	readonly #services: SessionServices;
	readonly #seed: Seed;
	readonly #sessions = new Map<string, SimulatedSession>();
	#loading: Promise<void> | undefined;

	readonly sessions: EngineSessions = {
		ensure: (session) => this.#ensure(session),
		start: async (session) => (await this.#get(session)).start(),
		stop: async (session) => (await this.#get(session)).stop(),
		restart: async (session) => (await this.#get(session)).restart(),
		logout: async (session) => (await this.#get(session)).logout(),
		remove: (session) => this.#remove(session),
		find: async (session) => (await this.#loaded()).get(session)?.describe(),
		list: async () => [...(await this.#loaded()).values()].map((session) => session.describe()),
	};

	readonly link: EngineLink = {
		qr: async (session) => (await this.#get(session)).qr(),
	};

	readonly messages: EngineMessages = {
		send: (session, message, clientMessageId, signal) => this.#send(session, message, clientMessageId, signal),
	};

	constructor(options: SimulatorOptions) {
		const {clock, state: store, emit, log, startMs = START_MS, ackDelays = ACK_DELAYS, echo = [ECHO_CONTACT]} = options;
		this.#services = {clock, store, emit, log, startMs, ackDelays, echo: new Set(echo)};
		this.#seed = new Seed(String(options.seed ?? randomUUID()));
	}

	/**
	 * Brings back every session that ran when the process ended, linked ones as linked; the first call to the engine does it
	 * too. @throws {StoreUnavailableError} call again
	 */
	async start(): Promise<void> {
		await this.#loaded();
	}

	async me(session: string): Promise<Account | null> {
		return (await this.#get(session)).describe().me;
	}

	capabilities(): CapabilityTable {
		return CAPABILITIES;
	}

	ping(signal: AbortSignal): Promise<void> {
		return signal.aborted
			? Promise.reject(new EngineError('ENGINE_TIMEOUT', 'The ping was called off', {cause: signal.reason}))
			: Promise.resolve();
	}

	async scan(session: string): Promise<void> {
		await (await this.#get(session)).scan();
	}

	async receive(session: string, message: SimulatedMessage): Promise<{messageId: string}> {
		return (await this.#get(session)).conversations.receive(message);
	}

	async acknowledge(session: string, messageId: string, ack: number): Promise<void> {
		await (await this.#get(session)).conversations.acknowledge(messageId, ack);
	}

	async react(session: string, messageId: string, from: string, text: string): Promise<void> {
		await (await this.#get(session)).conversations.react(messageId, from, text);
	}

	async goOffline(session: string): Promise<void> {
		await (await this.#get(session)).goOffline();
	}

	async goOnline(session: string): Promise<void> {
		await (await this.#get(session)).goOnline();
	}

	async logOut(session: string): Promise<void> {
		await (await this.#get(session)).logOut();
	}

	async restrict(session: string, until: Date): Promise<void> {
		await (await this.#get(session)).restrict(until.getTime());
	}

	async setChaos(session: string, settings: ChaosSettings): Promise<void> {
		(await this.#get(session)).setChaos(settings);
	}

	/** Ends the process' part: sessions stay as they are in the store. */
	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.allSettled([this.#loading]);
		await Promise.all([...this.#sessions.values()].map((session) => session.close()));
	}

	async #ensure(name: string): Promise<EngineSession> {
		const session = (await this.#loaded()).get(name) ?? this.#open(name, newSessionState());
		return session.start();
	}

	async #remove(name: string): Promise<void> {
		const sessions = await this.#loaded();
		const session = sessions.get(name);
		sessions.delete(name);
		await session?.remove();
		await this.#services.store.remove(ENGINE_NAME, name);
	}

	async #send(name: string, message: OutboundMessage, key: string, signal: AbortSignal): Promise<SendReceipt> {
		const session = await this.#get(name);
		if (signal.aborted) {
			throw new EngineError('ENGINE_UNAVAILABLE', 'The send was called off before it began', {cause: signal.reason});
		}
		return session.send(message, key);
	}

	async #get(name: string): Promise<SimulatedSession> {
		const session = (await this.#loaded()).get(name);
		if (session === undefined) {
			throw new EngineError('SESSION_NOT_FOUND', 'The engine has no such session: restart the connection');
		}
		return session;
	}

	async #loaded(): Promise<Map<string, SimulatedSession>> {
		this.#loading ??= this.#load().catch((error: unknown) => {
			this.#loading = undefined;
			throw error;
		});
		await this.#loading;
		return this.#sessions;
	}

	/** Reads everything before anything starts, so that a store which fails half-way leaves nothing half done. */
	async #load(): Promise<void> {
		const {store} = this.#services;
		const stored = await Promise.all(
			(await store.list(ENGINE_NAME)).map(async (name) => [name, await store.load(ENGINE_NAME, name)] as const),
		);
		for (const [name, document] of stored) {
			if (document !== undefined) {
				this.#bringBack(name, readSessionState(name, document));
			}
		}
	}

	#bringBack(name: string, state: SessionState): void {
		state.generation++;
		const session = this.#open(name, state);
		if (state.running) {
			session.start().catch((error: unknown) => {
				// It runs all the same, and what is stored still says so.
				this.#services.log.warn({error, session: name}, 'simulator.state.unsaved');
			});
		}
	}

	#open(name: string, state: SessionState): SimulatedSession {
		const session = new SimulatedSession({name, state, seed: this.#seed.child(name), services: this.#services});
		this.#sessions.set(name, session);
		return session;
	}
}
