import {
	clientMessageId,
	IDEMPOTENCY_KEY_TTL_MS,
	type CommandRecord,
	type ReceiptLevel,
} from '../../domain/messaging/command.ts';
import type {CommandEnd, CommandStore, Receipt} from '../../domain/ports/command-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

interface CommandRow extends Omit<CommandRecord, 'messageKey' | 'receipts'> {
	/** Null in rows of earlier versions. */
	readonly messageKey: string | null;
	/** Milliseconds since the epoch. */
	readonly receipts: Readonly<Partial<Record<ReceiptLevel, number>>>;
}

const COLUMNS: Columns<CommandRow> = {
	id: 'plain',
	userId: 'plain',
	connectionId: 'plain',
	kind: 'plain',
	chatId: 'plain',
	status: 'plain',
	idempotencyKey: 'plain',
	bodyHash: 'plain',
	messageId: 'plain',
	messageKey: 'plain',
	sentTimestamp: 'plain',
	failure: 'json',
	owner: 'plain',
	receipts: 'json',
	createdAt: 'date',
	updatedAt: 'date',
};

/** The earliest time of a level stays; a row that has it already is not written again. */
const ACKNOWLEDGE = `UPDATE commands SET receipts = json_set(receipts, '$.' || ?1, cast(?2 AS INTEGER))
	WHERE connectionId = ?3 AND messageKey = ?4 AND coalesce(json_extract(receipts, '$.' || ?1) > ?2, true)`;

/** Commands in the embedded store. */
export class SqliteCommandStore implements CommandStore {
	readonly #commands: SqliteTable<CommandRow>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#commands = new SqliteTable<CommandRow>({database, name: 'commands', columns: COLUMNS});
	}

	create(command: CommandRecord): Promise<CommandRecord> {
		return this.#commands.transact(() => {
			const earlier = this.#commands.get('WHERE id = ?', command.id) ?? this.#sameKey(command);
			if (earlier !== undefined) {
				return fromRow(earlier);
			}
			this.#commands.insert(toRow(command));
			return command;
		});
	}

	async find(id: string): Promise<CommandRecord | undefined> {
		const row = await this.#commands.find('WHERE id = ?', id);
		return row && fromRow(row);
	}

	async findByMessageKey(connectionId: string, messageKey: string): Promise<CommandRecord | undefined> {
		const row = await this.#commands.find('WHERE connectionId = ? AND messageKey = ?', connectionId, messageKey);
		return row && fromRow(row);
	}

	claim(id: string, owner: string, at: Date): Promise<boolean> {
		return this.#commands.transact(() =>
			this.#commands.run(
				`UPDATE commands SET status = 'sending', owner = ?, updatedAt = ? WHERE id = ? AND status = 'queued'`,
				owner,
				at.getTime(),
				id,
			),
		);
	}

	async finish(id: string, end: CommandEnd, at: Date): Promise<void> {
		const sent = end.status === 'sent' ? end : undefined;
		await this.#commands.transact(() =>
			this.#commands.run(
				`UPDATE commands SET status = ?, messageId = ?, messageKey = coalesce(?, messageKey), sentTimestamp = ?,
				failure = ?, updatedAt = ?
				WHERE id = ? AND (status IN ('queued', 'sending') OR (status = 'unknown' AND ? IN ('sent', 'failed')))`,
				end.status,
				sent?.messageId ?? null,
				sent?.messageKey ?? null,
				sent?.sentTimestamp ?? null,
				end.status === 'sent' ? null : JSON.stringify(end.failure),
				at.getTime(),
				id,
				end.status,
			),
		);
	}

	async acknowledge(receipts: readonly Receipt[]): Promise<void> {
		await this.#commands.transact(() => {
			for (const {connectionId, messageKey, level, at} of receipts) {
				this.#commands.run(ACKNOWLEDGE, level, at.getTime(), connectionId, messageKey);
			}
		});
	}

	/** The command that still holds the user's Idempotency-Key. */
	#sameKey({userId, idempotencyKey, createdAt}: CommandRecord): CommandRow | undefined {
		return this.#commands.get(
			'WHERE userId = ? AND idempotencyKey = ? AND createdAt > ? ORDER BY createdAt DESC LIMIT 1',
			userId,
			idempotencyKey,
			createdAt.getTime() - IDEMPOTENCY_KEY_TTL_MS,
		);
	}
}

function toRow({receipts, ...command}: CommandRecord): CommandRow {
	const times = Object.entries(receipts).map(([level, at]) => [level, at.getTime()] as const);
	return {...command, receipts: Object.fromEntries(times)};
}

/** Commands from before acknowledgements were kept have none, and were sent under the key that was asked for. */
function fromRow({messageKey, receipts, ...command}: CommandRow): CommandRecord {
	const times = Object.entries(receipts).map(([level, atMs]) => [level, new Date(atMs)] as const);
	return {...command, messageKey: messageKey ?? clientMessageId(command.id), receipts: Object.fromEntries(times)};
}
