import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import {toAccount, toConnectionStatus} from '../../domain/connections/connection.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {readEnvelope} from '../read-envelope.ts';

/**
 * Reports are ordered by the engine's clock; one that is ahead must not keep later reports out for longer than this, once it is set
 * right.
 */
const MAX_AHEAD_MS = 60_000;

/** Follows `session.status`: what a session reports is what its connection shows. Reports may come late and twice. */
export class SessionStatusHandler {
	readonly #connections: ConnectionStore;
	readonly #log: Logger;

	constructor({connections, log}: {connections: ConnectionStore; log: Logger}) {
		this.#connections = connections;
		this.#log = log;
	}

	/** @throws {StoreUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const {connectionId, receivedAtMs} = decodeEvent(message);
		const {payload, me, timestamp} = readEnvelope(message.body);
		const word = (payload as {status?: unknown} | null | undefined)?.status;
		const status = typeof word === 'string' ? toConnectionStatus(word) : undefined;
		if (connectionId === null || status === undefined) {
			return ACK;
		}
		const atMs = Math.min(Date.parse(timestamp), receivedAtMs + MAX_AHEAD_MS);
		const report = {status, me: toAccount(me), atMs};
		if (await this.#connections.applyReport(connectionId, report)) {
			this.#log.info({connectionId, status}, 'connection.status');
		}
		return ACK;
	}
}
