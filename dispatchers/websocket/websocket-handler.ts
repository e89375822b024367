import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import type {DeletedConnections} from '../../domain/connections/deleted-connections.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Fanout} from '../../domain/ports/fanout.ts';

/** Hands each event's bytes to the processes that hold the user's sockets. What a deleted connection still says stays in the log. */
export class WebsocketHandler {
	readonly #fanout: Fanout;
	readonly #deleted: Pick<DeletedConnections, 'has'>;

	constructor({fanout, deleted}: {fanout: Fanout; deleted: Pick<DeletedConnections, 'has'>}) {
		this.#fanout = fanout;
		this.#deleted = deleted;
	}

	/** @throws {FanoutUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const {id, event, userId, connectionId, body} = decodeEvent(message);
		if (connectionId === null || !this.#deleted.has(connectionId)) {
			await this.#fanout.publish(userId, {eventId: id, event, connectionId, body});
		}
		return ACK;
	}
}
