import {randomUUID} from 'node:crypto';
import type {Account} from '../../domain/connections/connection.ts';
import {EngineError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ChaosSettings, SimulatedMessage, SimulatorControl} from '../../domain/ports/simulator-control.ts';
import type {
	CapabilityTable,
	EngineHistory,
	EngineLink,
	EngineMedia,
	EngineMessages,
	EnginePresence,
	EngineSessions,
	EventSink,
	WhatsAppEngine,
} from '../../domain/ports/whatsapp-engine.ts';
import {requireNotCalledOff} from './require-not-called-off.ts';
import {CAPABILITIES} from './capabilities.ts';
import type {Conversations} from './conversations.ts';
import {Seed} from './seed.ts';
import type {AckDelays} from './sent-messages.ts';
import {SessionDirectory} from './session-directory.ts';
import type {SimulatedSession} from './simulated-session.ts';

const START_MS = 300;
const ACK_DELAYS: AckDelays = {serverMs: 100, deviceMs: 200, readMs: 500};

/** This contact answers every text with the same text. */
const ECHO_CONTACT = '15550107777@c.us';

/** What a simulator needs, and how it behaves. */
export interface SimulatorOptions {
	readonly clock: Clock;
	/** Where sessions live over restarts of the process. */
	readonly state: EngineStateStore;
	readonly emit: EventSink;
	readonly log: Logger;
	/** The same seed, clock and calls give the same ids, names, numbers, files and misfortunes. Default: random. */
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
	readonly #directory: SessionDirectory;

	readonly sessions: EngineSessions = {
		ensure: async (session) => (await this.#directory.ensure(session)).start(),
		start: async (session) => (await this.#get(session)).start(),
		stop: async (session) => (await this.#get(session)).stop(),
		restart: async (session) => (await this.#get(session)).restart(),
		logout: async (session) => (await this.#get(session)).logout(),
		remove: (session) => this.#directory.remove(session),
		find: async (session) => (await this.#directory.find(session))?.describe(),
		list: async () => (await this.#directory.list()).map((session) => session.describe()),
	};

	readonly link: EngineLink = {
		qr: async (session) => (await this.#get(session)).qr(),
		requestPairingCode: async (session, phone) => (await this.#get(session)).pairingCode(phone),
	};

	readonly messages: EngineMessages = {
		send: async (name, message, key, signal) => {
			const session = await this.#get(name);
			const {outgoing} = workingUnless(signal, session);
			return outgoing.send(message, key, {signal, requireWorking: () => session.working});
		},
		forward: async (name, {chatId, messageId}, key, signal) => {
			const {outgoing, changes} = await this.#working(name, signal);
			return outgoing.forward(changes.get(messageId), chatId, key);
		},
		edit: async (name, target, text, signal) => (await this.#working(name, signal)).changes.edit(target, text),
		revoke: async (name, target, signal) => {
			(await this.#working(name, signal)).changes.revoke(target);
		},
		react: async (name, target, reaction, signal) => {
			(await this.#working(name, signal)).changes.react(target, reaction);
		},
	};

	readonly presence: EnginePresence = {
		markRead: async (name, chatId, signal) => {
			(await this.#working(name, signal)).markRead(chatId);
		},
		typing: async (name, chatId, active, signal) => {
			(await this.#working(name, signal)).type(chatId, active);
		},
	};

	readonly history: EngineHistory = {
		chats: async (name, slice) => (await this.#working(name)).reader.chats(slice),
		messages: async (name, chatId, slice) => (await this.#working(name)).reader.messages(chatId, slice),
		findMessage: async (name, chatId, id) => (await this.#working(name)).reader.findMessage(chatId, id),
		contacts: async (name, slice) => (await this.#working(name)).reader.contacts(slice),
		profilePicture: async (name, contactId) => (await this.#working(name)).reader.picture(contactId),
	};

	readonly media: EngineMedia = {
		open: async (name, url, signal) => (await this.#get(name)).files.open(url, signal),
		openByName: async (name, filename, signal) => (await this.#get(name)).files.openByName(filename, signal),
		openOfMessage: async (name, target, signal) => (await this.#working(name, signal)).openFile(target, signal),
	};

	constructor(options: SimulatorOptions) {
		const {clock, state: store, emit, log, startMs = START_MS, ackDelays = ACK_DELAYS, echo = [ECHO_CONTACT]} = options;
		const services = {clock, store, emit, log, startMs, ackDelays, echo: new Set(echo)};
		this.#directory = new SessionDirectory({services, seed: new Seed(String(options.seed ?? randomUUID()))});
	}

	/**
	 * Brings back every session that ran when the process ended, linked ones as linked; the first call to the engine does it
	 * too. @throws {StoreUnavailableError} call again
	 */
	async start(): Promise<void> {
		await this.#directory.load();
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
		return (await this.#get(session)).conversations.incoming.receive(message);
	}

	async acknowledge(session: string, messageId: string, ack: number): Promise<void> {
		await (await this.#get(session)).conversations.incoming.acknowledge(messageId, ack);
	}

	async react(session: string, messageId: string, from: string, text: string): Promise<void> {
		await (await this.#get(session)).conversations.incoming.react(messageId, from, text);
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

	async typingIn(session: string): Promise<readonly string[]> {
		return (await this.#get(session)).conversations.typingIn;
	}

	/** Ends the process' part: sessions stay as they are in the store. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#directory.close();
	}

	#get(name: string): Promise<SimulatedSession> {
		return this.#directory.get(name);
	}

	/** @throws {EngineError} the call was called off, or the session is unknown or not WORKING */
	async #working(name: string, signal?: AbortSignal): Promise<Conversations> {
		return workingUnless(signal, await this.#get(name));
	}
}

function workingUnless(signal: AbortSignal | undefined, session: SimulatedSession): Conversations {
	if (signal !== undefined) requireNotCalledOff(signal);
	return session.working;
}
