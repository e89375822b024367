import {SESSION_STATUS_EVENT, type SessionStatus} from '../../domain/events/vocabulary.ts';
import type {OutboundMessage, SendReceipt} from '../../domain/messaging/outbound.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {ChaosSettings} from '../../domain/ports/simulator-control.ts';
import type {EngineSession, EventSink, QrCode} from '../../domain/ports/whatsapp-engine.ts';
import {Conversations} from './conversations.ts';
import {sessionStatus} from './noweb-events.ts';
import {accountOf} from './people.ts';
import {reportedAccount, timelockOf} from './reported-account.ts';
import type {Seed} from './seed.ts';
import type {AckDelays} from './sent-messages.ts';
import {SessionLifecycle} from './session-lifecycle.ts';
import {SessionReporter} from './session-reporter.ts';
import {unlinkedState, type SessionState} from './session-state.ts';
import {StateWriter} from './state-writer.ts';

/** The name under which the simulator keeps its sessions in the store. */
export const ENGINE_NAME = 'simulator';

/** What all sessions of a simulator share. */
export interface SessionServices {
	readonly clock: Clock;
	readonly store: EngineStateStore;
	readonly emit: EventSink;
	readonly log: Logger;
	/** How long STARTING lasts, in milliseconds. */
	readonly startMs: number;
	readonly ackDelays: AckDelays;
	readonly echo: ReadonlySet<string>;
}

interface SessionOptions {
	readonly name: string;
	/** Changed in place, and stored with every change. */
	readonly state: SessionState;
	readonly seed: Seed;
	readonly services: SessionServices;
}

/** One session: its link, its account and what the phone does. A change that resolves is durable. */
export class SimulatedSession {
	readonly #name: string;
	readonly #state: SessionState;
	readonly #services: SessionServices;
	/** The same for ever: the account and its contacts come from it. */
	readonly #seed: Seed;
	/** New with each start of the process: no key is drawn twice. */
	readonly #keys: Seed;
	readonly #writer: StateWriter;
	readonly #reporter: SessionReporter;
	readonly #lifecycle: SessionLifecycle;
	#conversations: Conversations;

	constructor({name, state, seed, services}: SessionOptions) {
		const {clock, store, emit, log, startMs} = services;
		const draws = seed.child(String(state.generation));
		this.#name = name;
		this.#state = state;
		this.#services = services;
		this.#seed = seed;
		this.#keys = draws.child('keys');
		this.#writer = new StateWriter({write: () => store.save(ENGINE_NAME, name, JSON.stringify(state)), clock, log});
		this.#reporter = new SessionReporter({session: name, seed: draws, clock, emit, log});
		this.#lifecycle = new SessionLifecycle({
			clock,
			codes: draws.child('codes'),
			startMs,
			isLinked: () => state.account !== null,
			onStatus: (status) => {
				this.#onStatus(status);
			},
		});
		this.#conversations = this.#newConversations();
	}

	/** What contacts do. @throws {EngineError} SESSION_NOT_CONNECTED while not linked */
	get conversations(): Conversations {
		this.#requireLink();
		return this.#conversations;
	}

	describe(): EngineSession {
		const {account} = this.#state;
		const me = account === null ? null : {id: account.id, pushName: account.pushName};
		return {name: this.#name, status: this.#lifecycle.status, me};
	}

	/** @throws {EngineError} while the session is not WORKING, or when the message cannot be sent */
	async send(message: OutboundMessage, clientMessageId: string): Promise<SendReceipt> {
		this.#lifecycle.requireWorking();
		return this.#conversations.send(message, clientMessageId);
	}

	/** Comes up; does nothing to a session that is up. */
	async start(): Promise<EngineSession> {
		const {status} = this.#lifecycle;
		this.#state.running = true;
		if (status === 'STOPPED' || status === 'FAILED') {
			this.#connect();
		}
		await this.#writer.save();
		return this.describe();
	}

	async stop(): Promise<void> {
		this.#state.running = false;
		this.#goDown();
		await this.#writer.save();
	}

	async restart(): Promise<EngineSession> {
		this.#goDown();
		return this.start();
	}

	/** Drops the credentials; a session that is up shows a new QR code. */
	async logout(): Promise<void> {
		this.#unlink();
		if (this.#lifecycle.status !== 'STOPPED') {
			this.#connect();
		}
		await this.#writer.save();
	}

	/** Ends for good: the caller deletes what is stored. */
	async remove(): Promise<void> {
		this.#unlink();
		this.#goDown();
		await this.#writer.discard();
	}

	/** Stands still for the end of the process; comes back as it was. */
	async close(): Promise<void> {
		this.#lifecycle.halt();
		this.#conversations.close();
		await Promise.all([this.#reporter.close(), this.#writer.close()]);
	}

	qr(): Promise<QrCode> {
		return this.#lifecycle.qr();
	}

	async scan(): Promise<void> {
		this.#lifecycle.requireCode();
		this.#state.account = accountOf(this.#seed);
		this.#lifecycle.enter('WORKING');
		await this.#writer.save();
	}

	async goOffline(): Promise<void> {
		this.#requireLink();
		this.#state.offline = true;
		if (this.#lifecycle.status === 'WORKING') {
			this.#lifecycle.enter('STARTING');
		} else {
			this.#lifecycle.halt();
		}
		await this.#writer.save();
	}

	async goOnline(): Promise<void> {
		this.#requireLink();
		this.#state.offline = false;
		if (this.#lifecycle.status === 'STARTING') {
			this.#lifecycle.proceed();
		}
		await this.#writer.save();
	}

	/** The phone unlinks this device. */
	async logOut(): Promise<void> {
		this.#requireLink();
		this.#unlink();
		if (this.#lifecycle.status !== 'STOPPED') {
			this.#lifecycle.enter('FAILED');
		}
		await this.#writer.save();
	}

	/** @param untilMs a moment in the past lifts the restriction */
	async restrict(untilMs: number): Promise<void> {
		this.#requireLink();
		this.#setRestriction(untilMs);
		await this.#writer.save();
	}

	setChaos(settings: ChaosSettings): void {
		this.#reporter.setChaos(settings);
		this.#listen();
	}

	#connect(): void {
		this.#reporter.wake();
		this.#lifecycle.enter('STARTING');
		if (!this.#state.offline) {
			this.#lifecycle.proceed();
		}
	}

	#goDown(): void {
		this.#reporter.wake();
		if (this.#lifecycle.status !== 'STOPPED') {
			this.#lifecycle.enter('STOPPED');
		}
	}

	#onStatus(status: SessionStatus): void {
		const timelock = status === 'WORKING' ? timelockOf(this.#state, this.#services.clock.now()) : undefined;
		void this.#report([SESSION_STATUS_EVENT], sessionStatus(this.#name, this.#lifecycle.changes, timelock));
		this.#listen();
	}

	/** Conversations are told while the session works and hears; else they keep what happens. */
	#listen(): void {
		if (this.#lifecycle.status === 'WORKING' && !this.#reporter.deaf) {
			this.#conversations.open();
		} else {
			this.#conversations.close();
		}
	}

	#unlink(): void {
		this.#conversations.close();
		Object.assign(this.#state, unlinkedState());
		this.#conversations = this.#newConversations();
	}

	#setRestriction(untilMs: number): void {
		this.#state.restrictedUntilMs = untilMs;
		this.#writer.saveLater();
		if (this.#lifecycle.status === 'WORKING') {
			this.#lifecycle.announce();
		}
	}

	#newConversations(): Conversations {
		return new Conversations({
			...this.#services,
			session: this.#name,
			state: this.#state,
			writer: this.#writer,
			seed: this.#seed,
			keys: this.#keys,
			report: (events, payload) => this.#report(events, payload),
			restrict: (untilMs) => {
				this.#setRestriction(untilMs);
			},
		});
	}

	#report(events: readonly string[], payload: object): Promise<void> {
		const me = reportedAccount(this.#state, this.#lifecycle.status, this.#services.clock.now());
		return this.#reporter.report(events, payload, me);
	}

	#requireLink(): void {
		if (this.#state.account === null) {
			throw this.#lifecycle.notConnected();
		}
	}
}
