import type {Publisher} from '../broker/publisher.ts';
import {answerWithin, READ_WAIT_MS} from '../engines/answer-within.ts';
import {requireCapability} from '../engines/require-capability.ts';
import {ConflictError, EngineError, NotFoundError, QrNotReadyError} from '../errors.ts';
import {pause} from '../pause.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {EngineDirectory} from '../ports/engine-directory.ts';
import type {Logger} from '../ports/logger.ts';
import type {WebhookStore} from '../ports/webhook-store.ts';
import type {EngineSession, QrCode, WhatsAppEngine} from '../ports/whatsapp-engine.ts';
import type {Connection} from './connection.ts';
import type {Connections} from './connections.ts';
import {requireRunning} from './require-running.ts';
import {sessionCommand} from './session-command.ts';

/** What is on the screen of someone who wants to link a phone. */
export type LinkState = {readonly kind: 'connected'} | {readonly kind: 'qr'; readonly qr: QrCode};

/** A connection to link, and its QR code if there was one in time. */
export interface Linkable {
	readonly connection: Connection;
	readonly state: LinkState | undefined;
}

/** For how long a QR code is waited for, creation included; clients give up at 30 s. */
const LINKABLE_WITHIN_MS = 22_000;

/** How much of that is kept for another connection, should one that may be linked not show a QR code; WAHA takes up to 10 s to start one. */
const CREATION_RESERVE_MS = 10_000;
const POLL_MS = 500;

/** What kind of connection is wanted. */
interface Wish {
	readonly virginOnly: boolean;
	/** Ids of those that turned out to be linked, or would not tell. */
	readonly passedOver: readonly string[];
	/** Until then one that may be linked is looked at, too. */
	readonly doubtUntilMs: number;
	readonly deadlineMs: number;
}

/** A session that gave up, or is gone, is brought back for whoever asks for its code, at most this often. */
const REVIVAL_PAUSE_MS = 30_000;

/** Idle connections that are looked at for one without webhooks. */
const MAX_IDLE = 50;

/** Connections whose revival is remembered; of more, all are forgotten. */
const MAX_REVIVED = 10_000;

const LINKED_ALREADY = 'A phone is linked already: POST …/logout unlinks it';

/** Bringing a phone to a connection: QR codes, pairing codes, and finding a connection that is free for one. */
export class Linking {
	readonly #connections: Pick<Connections, 'create'>;
	readonly #store: Pick<ConnectionStore, 'find' | 'listIdle' | 'applyReport'>;
	readonly #webhooks: Pick<WebhookStore, 'listByConnection'>;
	readonly #engines: EngineDirectory;
	readonly #publisher: Pick<Publisher, 'command'>;
	readonly #clock: Clock;
	readonly #log: Logger;
	/** What is being found or created right now, for whom: who asks at the same moment (a double click) gets the same connection. */
	readonly #wanted = new Map<string, Promise<Connection>>();
	/** When this process last had a session brought back, by connection. */
	readonly #revivedAtMs = new Map<string, number>();

	constructor(options: {
		connections: Pick<Connections, 'create'>;
		store: Pick<ConnectionStore, 'find' | 'listIdle' | 'applyReport'>;
		webhooks: Pick<WebhookStore, 'listByConnection'>;
		engines: EngineDirectory;
		publisher: Pick<Publisher, 'command'>;
		clock: Clock;
		log: Logger;
	}) {
		this.#connections = options.connections;
		this.#store = options.store;
		this.#webhooks = options.webhooks;
		this.#engines = options.engines;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * The newest connection that nobody is linked to, else a new one, and what to scan. A code that is on somebody's screen stays
	 * valid: nothing is reset. One that is down and whose phone may still be linked is brought up first: it is taken only if it shows
	 * a code.
	 * @param virginOnly only one that never was linked and has no webhooks: a recycled one would attach a new phone to another's delivery
	 * @throws {SlotsExhaustedError}
	 */
	async getOrCreate(userId: string, virginOnly: boolean): Promise<Linkable> {
		const deadlineMs = this.#clock.now() + LINKABLE_WITHIN_MS;
		const doubtUntilMs = deadlineMs - CREATION_RESERVE_MS;
		const passedOver: string[] = [];
		for (;;) {
			const connection = await this.#findOrCreate(userId, {virginOnly, passedOver, doubtUntilMs, deadlineMs});
			if (connection.me === null) {
				return this.#waitForCode(connection, deadlineMs);
			}
			const linkable = await this.#waitForCode(connection, doubtUntilMs);
			if (linkable.state?.kind === 'qr') {
				return linkable;
			}
			this.#log.info({connectionId: connection.id, state: linkable.state?.kind}, 'connection.idle.passedOver');
			passedOver.push(connection.id);
		}
	}

	/** Without a state when there was none in time. */
	async #waitForCode(connection: Connection, deadlineMs: number): Promise<Linkable> {
		for (;;) {
			const current = (await this.#store.find(connection.id)) ?? connection;
			const state = await this.#stateIfReady(current, deadlineMs - this.#clock.now());
			if (state !== undefined || this.#clock.now() + POLL_MS > deadlineMs) {
				return {connection: current, state};
			}
			await pause(this.#clock, POLL_MS);
		}
	}

	/**
	 * The QR code to scan, or that it is not needed. A session that gave up waiting for a scan is started again.
	 * @throws {NotFoundError} it was deleted
	 * @throws {ConnectionSuspendedError}
	 * @throws {QrNotReadyError} ask again in a second or two
	 * @throws {EngineError} the engine did not answer
	 */
	async stateOf(connection: Connection): Promise<LinkState> {
		if (connection.deletedAt !== null) {
			throw new NotFoundError('Connection not found');
		}
		requireRunning(connection);
		if (connection.status === 'connected') {
			return {kind: 'connected'};
		}
		return answerWithin(this.#clock, READ_WAIT_MS, this.#askForCode(connection));
	}

	/**
	 * A code to type into the phone instead of scanning.
	 * @param phone digits, with country code
	 * @throws {ConflictError} a phone is linked already
	 * @throws {ConnectionSuspendedError}
	 * @throws {QrNotReadyError} the session is not ready to be linked
	 */
	async requestPairingCode(connection: Connection, phone: string): Promise<string> {
		if (connection.deletedAt !== null) {
			throw new NotFoundError('Connection not found');
		}
		requireRunning(connection);
		if (connection.status === 'connected') {
			throw new ConflictError(LINKED_ALREADY);
		}
		const engine = this.#engineOf(connection);
		requireCapability(engine.capabilities(), 'pairing-code');
		return answerWithin(this.#clock, READ_WAIT_MS, this.#askForPairingCode(connection, engine, phone));
	}

	#findOrCreate(userId: string, wish: Wish): Promise<Connection> {
		const {virginOnly, passedOver, deadlineMs} = wish;
		const key = [userId, virginOnly, ...passedOver].join();
		const wanted =
			this.#wanted.get(key) ??
			this.#findIdle(userId, wish)
				.then((idle) => idle ?? this.#connections.create(userId, null, deadlineMs - this.#clock.now()))
				.finally(() => this.#wanted.delete(key));
		this.#wanted.set(key, wanted);
		return wanted;
	}

	async #findIdle(userId: string, {virginOnly, passedOver, doubtUntilMs}: Wish): Promise<Connection | undefined> {
		const isInTime = this.#clock.now() < doubtUntilMs;
		const idle = (await this.#store.listIdle(userId, MAX_IDLE)).filter(
			({id, me}) => !passedOver.includes(id) && (me === null || isInTime),
		);
		if (!virginOnly) {
			return idle[0];
		}
		for (const connection of idle) {
			if (
				connection.linkedAt === null &&
				(await this.#webhooks.listByConnection(connection.id, {limit: 1})).length === 0
			) {
				return connection;
			}
		}
		return undefined;
	}

	async #stateIfReady(connection: Connection, withinMs: number): Promise<LinkState | undefined> {
		try {
			return await answerWithin(this.#clock, Math.max(withinMs, 0), this.stateOf(connection));
		} catch (error) {
			if (error instanceof QrNotReadyError || error instanceof EngineError) return undefined;
			throw error;
		}
	}

	async #askForCode(connection: Connection): Promise<LinkState> {
		try {
			return {kind: 'qr', qr: await this.#engineOf(connection).link.qr(connection.sessionName)};
		} catch (error) {
			if (error instanceof EngineError) {
				return this.#stateWithoutCode(connection, error);
			}
			throw error;
		}
	}

	async #askForPairingCode(connection: Connection, engine: WhatsAppEngine, phone: string): Promise<string> {
		try {
			return await engine.link.requestPairingCode(connection.sessionName, phone);
		} catch (error) {
			if (error instanceof EngineError && error.scope === 'session') {
				await this.#stateWithoutCode(connection, error);
				throw new ConflictError(LINKED_ALREADY, {cause: error});
			}
			throw error;
		}
	}

	/** A session without a QR code is linked already (our record lags behind), still starting, has given up, or is gone. */
	async #stateWithoutCode(connection: Connection, error: EngineError): Promise<LinkState> {
		const current = (await this.#store.find(connection.id)) ?? connection;
		if (current.status === 'connected') {
			return {kind: 'connected'};
		}
		if (error.scope !== 'session') {
			throw error;
		}
		const session = error.code === 'SESSION_STARTING' ? undefined : await this.#sessionOf(current);
		const status = error.code === 'SESSION_STARTING' ? 'STARTING' : session?.status;
		if (session?.status === 'WORKING') {
			await this.#noteLinked(current, session);
			return {kind: 'connected'};
		}
		this.#log.info({connectionId: connection.id, code: error.code, status}, 'connection.qr.notReady');
		const isDown = status === undefined || status === 'FAILED' || status === 'STOPPED';
		if (isDown) {
			await this.#revive(current);
		}
		const reason = isDown ? 'session_restarting' : 'session_starting';
		throw new QrNotReadyError(reason, 'Worker is starting up, please wait', {cause: error});
	}

	/** Undefined when the engine has no such session. */
	#sessionOf(connection: Connection): Promise<EngineSession | undefined> {
		return this.#engineOf(connection).sessions.find(connection.sessionName);
	}

	/** At the time of what is known, so that nothing the session reports from now on is too old, whatever its clock shows. */
	async #noteLinked({id, statusAt}: Connection, {me}: EngineSession): Promise<void> {
		await this.#store.applyReport(id, {status: 'connected', me, atMs: statusAt.getTime()});
	}

	/** Credentials stay, so that a phone which is linked after all is not lost. */
	async #revive(connection: Connection): Promise<void> {
		const now = this.#clock.now();
		if (now - (this.#revivedAtMs.get(connection.id) ?? -Infinity) < REVIVAL_PAUSE_MS) {
			return;
		}
		if (this.#revivedAtMs.size >= MAX_REVIVED) this.#revivedAtMs.clear();
		this.#revivedAtMs.set(connection.id, now);
		await this.#publisher.command(sessionCommand('session.ensure', connection));
	}

	#engineOf({workerId}: Connection): WhatsAppEngine {
		if (workerId === null) {
			throw new QrNotReadyError('worker_pending', 'Worker is being provisioned, please wait');
		}
		return this.#engines.engineOf(workerId);
	}
}
