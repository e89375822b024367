import {SESSION_STATUS_EVENT, type SessionStatus} from '../../domain/events/vocabulary.ts';
import type {ChaosSettings} from '../../domain/ports/simulator-control.ts';
import type {EngineSession, QrCode} from '../../domain/ports/whatsapp-engine.ts';
import {Conversations} from './conversations.ts';
import {FileShelf} from './files/file-shelf.ts';
import {sessionStatus} from './noweb/envelope.ts';
import {accountOf} from './people.ts';
import {reportedAccount, timelockOf} from './reported-account.ts';
import type {Seed} from './seed.ts';
import {SessionLifecycle} from './session-lifecycle.ts';
import {SessionReporter} from './session-reporter.ts';
import type {SessionServices} from './session-services.ts';
import {SessionStorage, type StoredSession} from './session-storage.ts';

interface SessionOptions {
	readonly name: string;
	/** Changed in place, and stored with every change. */
	readonly stored: StoredSession;
	readonly seed: Seed;
	readonly services: SessionServices;
}

/** One session: its link, its account and what the phone does. A change that resolves is durable; history follows. */
export class SimulatedSession {
	/** The files of its events. */
	readonly files: FileShelf;
	readonly #name: string;
	readonly #storage: SessionStorage;
	readonly #services: SessionServices;
	/** The same for ever: the account and its contacts come from it. */
	readonly #seed: Seed;
	/** New with each start of the process: no key is drawn twice. */
	readonly #keys: Seed;
	readonly #reporter: SessionReporter;
	readonly #lifecycle: SessionLifecycle;
	#conversations: Conversations;

	constructor({name, stored, seed, services}: SessionOptions) {
		const {clock, emit, log, startMs} = services;
		const {state} = stored;
		const draws = seed.child(String(state.generation));
		this.#name = name;
		this.#storage = new SessionStorage(name, stored, services);
		this.#services = services;
		this.#seed = seed;
		this.#keys = draws.child('keys');
		this.files = new FileShelf({session: name, clock, seed});
		this.#reporter = new SessionReporter({
			session: name,
			seed: draws,
			clock,
			emit,
			log,
			me: () => reportedAccount(state, this.#lifecycle.status, clock.now()),
		});
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

	/** What the session does. @throws {EngineError} SESSION_STARTING, SESSION_NOT_CONNECTED while it is not WORKING */
	get working(): Conversations {
		this.#lifecycle.requireWorking();
		return this.#conversations;
	}

	describe(): EngineSession {
		const {account} = this.#storage.state;
		const me = account === null ? null : {id: account.id, pushName: account.pushName};
		return {name: this.#name, status: this.#lifecycle.status, me};
	}

	/** Comes up; does nothing to a session that is up. */
	async start(): Promise<EngineSession> {
		const {status} = this.#lifecycle;
		this.#storage.state.running = true;
		if (status === 'STOPPED' || status === 'FAILED') {
			this.#connect();
		}
		await this.#storage.save();
		return this.describe();
	}

	async stop(): Promise<void> {
		this.#storage.state.running = false;
		this.#goDown();
		await this.#storage.save();
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
		await this.#storage.save();
	}

	/** Ends for good: the caller deletes what is stored. */
	async remove(): Promise<void> {
		this.#unlink();
		this.#goDown();
		await this.#storage.discard();
	}

	/** Stands still for the end of the process; comes back as it was. */
	async close(): Promise<void> {
		this.#lifecycle.halt();
		this.#conversations.close();
		await Promise.all([this.#reporter.close(), this.#storage.close()]);
	}

	qr(): Promise<QrCode> {
		return this.#lifecycle.qr();
	}

	pairingCode(phone: string): string {
		return this.#lifecycle.pairingCode(phone);
	}

	async scan(): Promise<void> {
		this.#lifecycle.requireCode();
		this.#storage.state.account = accountOf(this.#seed);
		this.#lifecycle.enter('WORKING');
		await this.#storage.save();
	}

	async goOffline(): Promise<void> {
		this.#requireLink();
		this.#storage.state.offline = true;
		if (this.#lifecycle.status === 'WORKING') {
			this.#lifecycle.enter('STARTING');
		} else {
			this.#lifecycle.halt();
		}
		await this.#storage.save();
	}

	async goOnline(): Promise<void> {
		this.#requireLink();
		this.#storage.state.offline = false;
		if (this.#lifecycle.status === 'STARTING') {
			this.#lifecycle.proceed();
		}
		await this.#storage.save();
	}

	/** The phone unlinks this device. */
	async logOut(): Promise<void> {
		this.#requireLink();
		this.#unlink();
		if (this.#lifecycle.status !== 'STOPPED') {
			this.#lifecycle.enter('FAILED');
		}
		await this.#storage.save();
	}

	/** @param untilMs a moment in the past lifts the restriction */
	async restrict(untilMs: number): Promise<void> {
		this.#requireLink();
		this.#setRestriction(untilMs);
		await this.#storage.save();
	}

	setChaos(settings: ChaosSettings): void {
		this.#reporter.setChaos(settings);
		this.files.availability = settings.media ?? this.files.availability;
		this.#listen();
	}

	#connect(): void {
		this.#reporter.wake();
		this.#lifecycle.enter('STARTING');
		if (!this.#storage.state.offline) {
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
		const timelock = status === 'WORKING' ? timelockOf(this.#storage.state, this.#services.clock.now()) : undefined;
		void this.#reporter.report([SESSION_STATUS_EVENT], sessionStatus(this.#name, this.#lifecycle.changes, timelock));
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
		this.#storage.unlink();
		this.files.clear();
		this.#conversations = this.#newConversations();
	}

	#setRestriction(untilMs: number): void {
		this.#storage.state.restrictedUntilMs = untilMs;
		this.#storage.stateWriter.saveLater();
		if (this.#lifecycle.status === 'WORKING') {
			this.#lifecycle.announce();
		}
	}

	#newConversations(): Conversations {
		return new Conversations({
			...this.#services,
			session: this.#name,
			storage: this.#storage,
			files: this.files,
			seed: this.#seed,
			keys: this.#keys,
			report: (events, payload) => this.#reporter.report(events, payload),
			restrict: (untilMs) => {
				this.#setRestriction(untilMs);
			},
		});
	}

	#requireLink(): void {
		if (this.#storage.state.account === null) {
			throw this.#lifecycle.notConnected();
		}
	}
}
