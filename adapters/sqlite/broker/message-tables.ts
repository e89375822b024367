import type {StatementSync} from 'node:sqlite';
import type {MessageHeaders} from '../../../domain/ports/broker.ts';
import type {SqliteDatabase} from '../database.ts';
import type {Content, Entry, EntryPlace} from './entry.ts';

interface EntryRow {
	readonly position: number;
	readonly content: number;
	readonly deliveries: number;
	readonly exchange: string | null;
	readonly death_queue: string | null;
	readonly death_reason: string | null;
}

interface ContentRow {
	readonly message_id: string;
	readonly exchange: string;
	readonly routing_key: string;
	readonly headers: string;
	readonly reply_to: string | null;
	readonly body: Uint8Array<ArrayBuffer>;
}

/** A message in a wait queue, as far as it takes to move it on. */
export interface WaitingRow extends EntryPlace {
	readonly dueAtMs: number;
}

/** The statements of the embedded broker. Whatever writes is for use inside `SqliteDatabase.write`. */
export class MessageTables {
	readonly #database: SqliteDatabase;
	readonly #insertContent: StatementSync;
	readonly #selectContent: StatementSync;
	readonly #selectRoutingKey: StatementSync;
	readonly #deleteContent: StatementSync;
	readonly #insertEntry: StatementSync;
	readonly #selectEntries: StatementSync;
	readonly #selectWaiting: StatementSync;
	readonly #countDelivery: StatementSync;
	readonly #deleteEntry: StatementSync;

	constructor(database: SqliteDatabase) {
		this.#database = database;
		this.#insertContent = database.prepare(
			'INSERT INTO content (id, message_id, exchange, routing_key, headers, reply_to, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
		);
		this.#selectContent = database.prepare(
			'SELECT message_id, exchange, routing_key, headers, reply_to, body FROM content WHERE id = ?',
		);
		this.#selectRoutingKey = database.prepare('SELECT routing_key FROM content WHERE id = ?');
		this.#deleteContent = database.prepare(
			'DELETE FROM content WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE content = ?1)',
		);
		this.#insertEntry = database.prepare(
			`INSERT INTO entry (queue, position, content, deliveries, due_at, exchange, death_queue, death_reason)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		);
		this.#selectEntries = database.prepare(
			`SELECT position, content, deliveries, exchange, death_queue, death_reason
			FROM entry WHERE queue = ? AND position > ? ORDER BY position LIMIT ?`,
		);
		this.#selectWaiting = database.prepare(
			`SELECT position, content AS contentId, due_at AS dueAtMs
			FROM entry WHERE queue = ? AND position > ? ORDER BY position LIMIT ?`,
		);
		this.#countDelivery = database.prepare(
			'UPDATE entry SET deliveries = deliveries + 1 WHERE queue = ? AND position = ?',
		);
		this.#deleteEntry = database.prepare('DELETE FROM entry WHERE queue = ? AND position = ?');
	}

	/** The largest number that was given to a content, or to a place in one of these queues; 0 when there is none. */
	lastNumber(queues: readonly string[]): number {
		const contents = this.#database.prepare('SELECT max(id) AS last FROM content').get();
		const positions = this.#database.prepare('SELECT max(position) AS last FROM entry WHERE queue = ?');
		return Math.max(...[contents, ...queues.map((queue) => positions.get(queue))].map((row) => Number(row?.['last'])));
	}

	addContent(id: number, {id: messageId, exchange, routingKey, headers, replyTo, body}: Content): void {
		this.#insertContent.run(id, messageId, exchange, routingKey, JSON.stringify(headers), replyTo ?? null, body);
	}

	/** @throws when it is gone, which only damage to the file explains */
	getContent(id: number): Content {
		const row = this.#selectContent.get(id) as unknown as ContentRow | undefined;
		if (row === undefined) {
			throw new Error(`the content ${id} of a queued message is missing`);
		}
		return {
			id: row.message_id,
			exchange: row.exchange,
			routingKey: row.routing_key,
			headers: JSON.parse(row.headers) as MessageHeaders,
			body: Buffer.from(row.body.buffer, row.body.byteOffset, row.body.byteLength),
			...(row.reply_to !== null && {replyTo: row.reply_to}),
		};
	}

	routingKeyOf(contentId: number): string {
		return String(this.#selectRoutingKey.get(contentId)?.['routing_key']);
	}

	addEntry(queue: string, entry: Entry): void {
		const {position, contentId, recorded, dueAtMs, exchange, death} = entry;
		this.#insertEntry.run(
			queue,
			position,
			contentId,
			recorded,
			dueAtMs ?? null,
			exchange ?? null,
			death?.queue ?? null,
			death?.reason ?? null,
		);
	}

	/** The entries of a queue that come after a position, in order. All hand-outs that were recorded have ended by coming back. */
	entriesAfter(queue: string, position: number, limit: number): readonly Entry[] {
		return (this.#selectEntries.all(queue, position, limit) as unknown as readonly EntryRow[]).map((row) => ({
			position: row.position,
			contentId: row.content,
			exchange: row.exchange ?? undefined,
			death: row.death_queue === null ? undefined : {queue: row.death_queue, reason: row.death_reason ?? ''},
			dueAtMs: undefined,
			recorded: row.deliveries,
			returned: row.deliveries,
			content: undefined,
			consumer: undefined,
		}));
	}

	/** The messages of a wait queue that come after a position, in order. */
	waitingAfter(queue: string, position: number, limit: number): readonly WaitingRow[] {
		return this.#selectWaiting.all(queue, position, limit) as unknown as readonly WaitingRow[];
	}

	countDelivery(queue: string, position: number): void {
		this.#countDelivery.run(queue, position);
	}

	/** Takes an entry away, and its content when no other queue has it. */
	removeEntry(queue: string, {position, contentId}: EntryPlace): void {
		this.#deleteEntry.run(queue, position);
		this.#deleteContent.run(contentId);
	}

	/** Writes something, to see that it can be done. */
	noteCheck(atMs: number): void {
		this.#database.prepare('INSERT OR REPLACE INTO health_check (id, checked_at) VALUES (1, ?)').run(atMs);
	}
}
