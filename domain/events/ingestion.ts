import type {Publisher} from '../broker/publisher.ts';
import type {ConnectionDirectory} from '../connections/connection-directory.ts';
import type {Clock} from '../ports/clock.ts';
import type {Logger} from '../ports/logger.ts';
import type {RecentIds} from '../ports/recent-ids.ts';
import {eventId, prepareEvent, type EventOwner} from './envelope.ts';
import type {UpstreamEvent} from './upstream-event.ts';

/** What became of an upstream event; all three mean that it is safe. */
export type IngestionResult = 'published' | 'duplicate' | 'unresolved';

/** The way in for every engine's events: one confirmed publish, and no store call unless the session is new to this process. */
export class Ingestion {
	readonly #directory: ConnectionDirectory;
	readonly #recent: RecentIds;
	readonly #publisher: Publisher;
	readonly #clock: Clock;
	readonly #publicUrl: string;
	readonly #log: Logger;

	constructor(options: {
		directory: ConnectionDirectory;
		recent: RecentIds;
		publisher: Publisher;
		clock: Clock;
		publicUrl: string;
		log: Logger;
	}) {
		this.#directory = options.directory;
		this.#recent = options.recent;
		this.#publisher = options.publisher;
		this.#clock = options.clock;
		this.#publicUrl = options.publicUrl;
		this.#log = options.log;
	}

	/**
	 * Resolves once the broker holds the event.
	 * @throws {BrokerUnavailableError} the engine must try again; nothing was lost and a repeat is harmless.
	 * @throws {ValidationError} it is nested too deeply
	 */
	async accept(event: UpstreamEvent): Promise<IngestionResult> {
		const receivedAtMs = this.#clock.now();
		const id = eventId(event);
		if (await this.#recent.has(id)) {
			return 'duplicate';
		}
		const owner = await this.#findOwner(event);
		if (owner === undefined) {
			await this.#publisher.unresolved({event, receivedAtMs}, id);
			this.#log.info({eventId: id, session: event.session, event: event.event}, 'ingestion.unresolved');
			return 'unresolved';
		}
		await this.#publish(event, owner, receivedAtMs);
		return 'published';
	}

	/**
	 * Publishes an event whose owner came to light later, unless that was done: while its session was unknown, each of the
	 * engine's repeats waited too.
	 * @throws {BrokerUnavailableError}
	 */
	async acceptResolved(event: UpstreamEvent, owner: EventOwner, receivedAtMs: number): Promise<void> {
		if (!(await this.#recent.has(eventId(event)))) {
			await this.#publish(event, owner, receivedAtMs);
		}
	}

	async #publish(event: UpstreamEvent, owner: EventOwner, receivedAtMs: number): Promise<void> {
		const prepared = prepareEvent(event, owner, this.#publicUrl, receivedAtMs);
		await this.#publisher.event(prepared);
		this.#recent.note(prepared.id);
	}

	/** A store that does not answer must not hold up the engine: the event waits in the broker instead. */
	async #findOwner(event: UpstreamEvent): Promise<EventOwner | undefined> {
		try {
			return await this.#directory.ownerOf(event.session);
		} catch (error) {
			this.#log.warn({error, session: event.session}, 'ingestion.lookup.failed');
			return undefined;
		}
	}
}
