import {IDEMPOTENCY_KEY_TTL_MS, type CommandRecord} from '../../domain/messaging/command.ts';
import type {CommandEnd, CommandStore} from '../../domain/ports/command-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

const COLUMNS: Columns<CommandRecord> = {
	id: 'plain',
	userId: 'plain',
	connectionId: 'plain',
	kind: 'plain',
	chatId: 'plain',
	status: 'plain',
	idempotencyKey: 'plain',
	bodyHash: 'plain',
	messageId: 'plain',
	sentTimestamp: 'plain',
	failure: 'json',
	owner: 'plain',
	createdAt: 'date',
	updatedAt: 'date',
};

/** Commands in the embedded store. */
export class SqliteCommandStore implements CommandStore {
	readonly #commands: SqliteTable<CommandRecord>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#commands = new SqliteTable<CommandRecord>({database, name: 'commands', columns: COLUMNS});
	}

	create(command: CommandRecord): Promise<CommandRecord> {
		return this.#commands.transact(() => {
			const earlier = this.#commands.get('WHERE id = ?', command.id) ?? this.#sameKey(command);
			if (earlier !== undefined) {
				return earlier;
			}
			this.#commands.insert(command);
			return command;
		});
	}

	find(id: string): Promise<CommandRecord | undefined> {
		return this.#commands.find('WHERE id = ?', id);
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
				`UPDATE commands SET status = ?, messageId = ?, sentTimestamp = ?, failure = ?, updatedAt = ?
				WHERE id = ? AND (status IN ('queued', 'sending') OR (status = 'unknown' AND ? IN ('sent', 'failed')))`,
				end.status,
				sent?.messageId ?? null,
				sent?.sentTimestamp ?? null,
				end.status === 'sent' ? null : JSON.stringify(end.failure),
				at.getTime(),
				id,
				end.status,
			),
		);
	}

	/** The command that still holds the user's Idempotency-Key. */
	#sameKey({userId, idempotencyKey, createdAt}: CommandRecord): CommandRecord | undefined {
		return this.#commands.get(
			'WHERE userId = ? AND idempotencyKey = ? AND createdAt > ? ORDER BY createdAt DESC LIMIT 1',
			userId,
			idempotencyKey,
			createdAt.getTime() - IDEMPOTENCY_KEY_TTL_MS,
		);
	}
}
