import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import {toAccount, toConnectionStatus} from '../../domain/connections/connection.ts';
import {MalformedMessageError} from '../../domain/errors.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';

interface StatusEnvelope {
	readonly timestamp: string;
	readonly me?: unknown;
	readonly payload?: {readonly status?: unknown} | null;
}

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
		const {connectionId} = decodeEvent(message);
		const {payload, me, timestamp} = parse(message.body);
		const status = toConnectionStatus(String(payload?.status));
		if (connectionId === null || status === undefined) {
			return ACK;
		}
		const report = {status, me: toAccount(me), atMs: Date.parse(timestamp)};
		if (await this.#connections.applyReport(connectionId, report)) {
			this.#log.info({connectionId, status}, 'connection.status');
		}
		return ACK;
	}
}

function parse(body: Buffer): StatusEnvelope {
	let envelope: StatusEnvelope | null;
	try {
		envelope = JSON.parse(body.toString()) as StatusEnvelope | null;
	} catch (error) {
		throw new MalformedMessageError('the envelope is not JSON', {cause: error});
	}
	if (envelope === null || Number.isNaN(Date.parse(envelope.timestamp))) {
		throw new MalformedMessageError('the envelope says no time');
	}
	return envelope;
}
