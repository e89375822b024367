import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeUnresolved} from '../../domain/broker/messages.ts';
import type {ConnectionDirectory} from '../../domain/connections/connection-directory.ts';
import type {Ingestion} from '../../domain/events/ingestion.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';

/** A session may report before its creation is stored; after this it is a stranger. */
const RESOLVE_FOR_MS = 60_000;
const RESOLVE_EVERY_MS = 2000;

/** Looks again for the owner of an event whose session was unknown when it came. */
export class UnresolvedHandler {
	readonly #directory: ConnectionDirectory;
	readonly #ingestion: Ingestion;
	readonly #clock: Clock;

	constructor({directory, ingestion, clock}: {directory: ConnectionDirectory; ingestion: Ingestion; clock: Clock}) {
		this.#directory = directory;
		this.#ingestion = ingestion;
		this.#clock = clock;
	}

	/** @throws {StoreUnavailableError} @throws {BrokerUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const {event, receivedAtMs} = decodeUnresolved(message);
		const owner = await this.#directory.ownerOf(event.session);
		if (owner !== undefined) {
			await this.#ingestion.acceptResolved(event, owner, receivedAtMs);
			return ACK;
		}
		if (this.#clock.now() - receivedAtMs < RESOLVE_FOR_MS) {
			return {kind: 'retry', delayMs: RESOLVE_EVERY_MS};
		}
		return {kind: 'dead-letter', reason: `session ${event.session} belongs to no connection`};
	}
}
