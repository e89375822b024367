import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Fanout} from '../../domain/ports/fanout.ts';

/** Hands each event's bytes to the processes that hold the user's sockets. */
export class WebsocketHandler {
	readonly #fanout: Fanout;

	constructor({fanout}: {fanout: Fanout}) {
		this.#fanout = fanout;
	}

	/** @throws {FanoutUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const {id, event, userId, connectionId, body} = decodeEvent(message);
		await this.#fanout.publish(userId, {eventId: id, event, connectionId, body});
		return ACK;
	}
}
