import {ACK, RETURN, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import type {Publisher} from '../../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {messageOfMedia, type MediaSource} from '../../domain/events/media.ts';
import {mediaNameOf} from '../../domain/media/media-name.ts';
import {toDisplayName} from '../../domain/media/to-display-name.ts';
import {toMimetype} from '../../domain/media/to-mimetype.ts';
import {readMessageId} from '../../domain/messaging/message-id.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';
import type {MessageTarget} from '../../domain/ports/whatsapp-engine.ts';
import {readEnvelope} from '../read-envelope.ts';
import type {CopyOutcome, MediaCopier, MediaCopy} from './media-copier.ts';

/** Before the second, third … try: about 90 s in all, for WAHA keeps a file for 180 s unless it is told otherwise. */
const RETRY_DELAYS_MS = [2000, 10_000, 20_000, 60_000];

/** Own header: how often the files of this message were tried in vain. */
const TRIES_HEADER = 'mediaTries';

type Failure = Extract<CopyOutcome, {kind: 'failed'}> & {readonly filename: string};

/**
 * Copies the files of events as soon as these come, so that their links live longer than the engine's files. What cannot be had leaves
 * a note for whoever asks. A failing disk is not a try: the message waits for it.
 */
export class MediaHandler {
	readonly #copier: MediaCopier;
	readonly #store: MediaStore;
	readonly #connections: ConnectionStore;
	readonly #publisher: Publisher;
	readonly #queue: QueueDeclaration;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #stopping = new AbortController();

	/** @param options.queue where a message comes back to */
	constructor(options: {
		copier: MediaCopier;
		store: MediaStore;
		connections: ConnectionStore;
		publisher: Publisher;
		queue: QueueDeclaration;
		clock: Clock;
		log: Logger;
	}) {
		this.#copier = options.copier;
		this.#store = options.store;
		this.#connections = options.connections;
		this.#publisher = options.publisher;
		this.#queue = options.queue;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/**
	 * @throws {StoreUnavailableError} @throws {MediaStoreUnavailableError} @throws {BrokerUnavailableError}
	 * @throws {MalformedMessageError}
	 */
	async handle(message: Message): Promise<Disposition> {
		const event = decodeEvent(message);
		const connection = await this.#findConnection(event.connectionId);
		if (connection === undefined) {
			return ACK;
		}
		const failures = await this.#copyAll(connection, event.media, readEnvelope(event.body).payload);
		if (failures.length > 0 && this.#stopping.signal.aborted) {
			return RETURN;
		}
		if ((await this.#findConnection(connection.id)) === undefined) {
			await this.#store.removeAll(connection.id);
			return ACK;
		}
		await this.#carryOn(message, connection, failures);
		return ACK;
	}

	/** Breaks off what is under way; it is done again elsewhere. */
	stop(): void {
		this.#stopping.abort();
	}

	/** Undefined for a deleted one: its files go with it. */
	async #findConnection(id: string | null): Promise<Connection | undefined> {
		const connection = id === null ? undefined : await this.#connections.find(id);
		return connection?.deletedAt === null ? connection : undefined;
	}

	/** One after the other: so a process has as many transfers under way as messages in hand, and no more. */
	async #copyAll(
		connection: Connection,
		sources: readonly MediaSource[],
		payload: unknown,
	): Promise<readonly Failure[]> {
		const failures: Failure[] = [];
		for (const source of sources) {
			const filename = mediaNameOf(source.filename);
			if (filename === undefined) {
				this.#log.warn({connectionId: connection.id, filename: source.filename}, 'media.name.invalid');
				continue;
			}
			const copy = toCopy(connection, source, filename, payload);
			const outcome = await this.#copier.copy(copy, this.#stopping.signal);
			if (outcome.kind === 'failed') failures.push({...outcome, filename});
		}
		return failures;
	}

	/** Lets the message come again while there is a try left, and notes what is not to be had, or not yet. */
	async #carryOn(message: Message, {id: connectionId}: Connection, failures: readonly Failure[]): Promise<void> {
		const tries = Number(message.headers[TRIES_HEADER] ?? 0) + 1;
		const delayMs = RETRY_DELAYS_MS[tries - 1];
		const now = this.#clock.now();
		for (const {filename, reason, final} of failures) {
			const retryAt = delayMs === undefined || final ? undefined : new Date(now + delayMs);
			if (retryAt === undefined) this.#log.warn({connectionId, filename, reason, tries}, 'media.missing');
			await this.#store.noteMissing({connectionId, filename}, reason, new Date(now), retryAt);
		}
		if (delayMs !== undefined && failures.some(({final}) => !final)) {
			const headers = {...message.headers, [TRIES_HEADER]: tries};
			await this.#publisher.later(this.#queue, {...message, headers}, now + delayMs);
		}
	}
}

function toCopy(
	connection: Connection,
	{filename: encoded, url}: MediaSource,
	filename: string,
	payload: unknown,
): MediaCopy {
	const {message, media} = messageOfMedia(payload, encoded) ?? {};
	return {
		connection,
		filename,
		url,
		contentType: toMimetype(media?.['mimetype']),
		displayName: toDisplayName(media?.['filename']),
		message: toTarget(message?.['id']),
	};
}

/** Quoted messages have only a part of their id. */
function toTarget(id: unknown): MessageTarget | undefined {
	const parts = typeof id === 'string' ? readMessageId(id) : undefined;
	return parts && {chatId: parts.chatId, messageId: String(id)};
}
