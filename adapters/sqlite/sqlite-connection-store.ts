import {afterReport} from '../../domain/connections/after-report.ts';
import type {Connection, ConnectionStatus, SessionReport} from '../../domain/connections/connection.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {Page} from '../../domain/ports/page.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

const COLUMNS: Columns<Connection> = {
	id: 'plain',
	userId: 'plain',
	workerId: 'plain',
	name: 'plain',
	sessionName: 'plain',
	phoneNumber: 'plain',
	me: 'json',
	status: 'plain',
	statusAt: 'date',
	engine: 'plain',
	desiredState: 'plain',
	suspendedAt: 'date',
	linkedAt: 'date',
	createdAt: 'date',
	updatedAt: 'date',
	deletedAt: 'date',
};

/** Connections in the embedded store. */
export class SqliteConnectionStore implements ConnectionStore {
	readonly #connections: SqliteTable<Connection>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#connections = new SqliteTable<Connection>({database, name: 'connections', columns: COLUMNS});
	}

	async insert(connection: Connection): Promise<void> {
		await this.#connections.transact(() => this.#connections.insert(connection, 'ON CONFLICT (id) DO NOTHING'));
	}

	find(id: string): Promise<Connection | undefined> {
		return this.#connections.find('WHERE id = ?', id);
	}

	findBySession(sessionName: string): Promise<Connection | undefined> {
		return this.#connections.find('WHERE sessionName = ?', sessionName);
	}

	list(userId: string, {limit, after}: Page, ids: readonly string[] | null = null): Promise<readonly Connection[]> {
		const chosen = ids === null ? '' : 'AND id IN (SELECT value FROM json_each(?))';
		return this.#connections.list(
			`WHERE userId = ? AND deletedAt IS NULL AND (createdAt, id) > (?, ?) ${chosen} ORDER BY createdAt, id LIMIT ?`,
			userId,
			after?.createdAt.getTime() ?? -1,
			after?.id ?? '',
			...(ids === null ? [] : [JSON.stringify(ids)]),
			limit,
		);
	}

	listIdle(userId: string, limit: number): Promise<readonly Connection[]> {
		return this.#connections.list(
			`WHERE userId = ? AND deletedAt IS NULL AND suspendedAt IS NULL AND status IN ('scan_qr', 'pending', 'failed')
			ORDER BY createdAt DESC, id DESC LIMIT ?`,
			userId,
			limit,
		);
	}

	async countByStatus(): Promise<Readonly<Partial<Record<ConnectionStatus, number>>>> {
		const counts = await this.#connections.count('status', 'WHERE deletedAt IS NULL');
		return Object.fromEntries(counts);
	}

	rename(id: string, name: string | null, at: Date): Promise<Connection | undefined> {
		return this.#update(id, 'name = ?, updatedAt = ?', name, at.getTime());
	}

	applyReport(id: string, report: SessionReport): Promise<boolean> {
		return this.#connections.transact(() => {
			const connection = this.#connections.get('WHERE id = ?', id);
			const applied = connection && afterReport(connection, report);
			if (applied === undefined) {
				return false;
			}
			this.#connections.insert(
				applied.connection,
				`ON CONFLICT (id) DO UPDATE SET status = excluded.status, statusAt = excluded.statusAt, me = excluded.me,
				phoneNumber = excluded.phoneNumber, linkedAt = excluded.linkedAt, updatedAt = excluded.updatedAt`,
			);
			return applied.changed;
		});
	}

	async countOf(userId: string): Promise<{readonly running: number; readonly suspended: number}> {
		const count = async (condition: string): Promise<number> => {
			const rest = `WHERE userId = ? AND deletedAt IS NULL AND suspendedAt ${condition}`;
			return (await this.#connections.count('userId', rest, userId))[0]?.[1] ?? 0;
		};
		return {running: await count('IS NULL'), suspended: await count('IS NOT NULL')};
	}

	suspend(id: string, at: Date): Promise<boolean> {
		return this.#connections.transact(() =>
			this.#connections.run(
				`UPDATE connections SET desiredState = 'stopped', suspendedAt = ?1, updatedAt = ?1
				WHERE id = ?2 AND suspendedAt IS NULL AND deletedAt IS NULL`,
				at.getTime(),
				id,
			),
		);
	}

	resume(id: string, at: Date): Promise<boolean> {
		return this.#connections.transact(() =>
			this.#connections.run(
				`UPDATE connections SET desiredState = 'running', suspendedAt = NULL, status = 'pending', updatedAt = ?
				WHERE id = ? AND suspendedAt IS NOT NULL AND deletedAt IS NULL`,
				at.getTime(),
				id,
			),
		);
	}

	async assign(id: string, workerId: string | null, engine: string | null, at: Date): Promise<void> {
		await this.#connections.transact(() =>
			this.#connections.run(
				'UPDATE connections SET workerId = ?, engine = coalesce(?, engine), updatedAt = ? WHERE id = ? AND deletedAt IS NULL',
				workerId,
				engine,
				at.getTime(),
				id,
			),
		);
	}

	markDeleted(id: string, at: Date): Promise<Connection | undefined> {
		return this.#update(
			id,
			`status = 'stopped', desiredState = 'stopped', workerId = NULL,
			updatedAt = iif(deletedAt IS NULL, ?, updatedAt), deletedAt = coalesce(deletedAt, ?)`,
			at.getTime(),
			at.getTime(),
		);
	}

	listUnprovisioned(limit: number): Promise<readonly Connection[]> {
		return this.#connections.list(
			`WHERE (workerId IS NULL OR status = 'pending') AND desiredState = 'running' AND deletedAt IS NULL
			ORDER BY createdAt, id LIMIT ?`,
			limit,
		);
	}

	listProvisioned(workerId: string): Promise<readonly Connection[]> {
		return this.#connections.list(
			`WHERE workerId = ? AND status <> 'pending' AND desiredState = 'running' AND deletedAt IS NULL
			ORDER BY createdAt, id`,
			workerId,
		);
	}

	#update(
		id: string,
		assignments: string,
		...values: readonly (string | number | null)[]
	): Promise<Connection | undefined> {
		return this.#connections.transact(() => {
			this.#connections.run(`UPDATE connections SET ${assignments} WHERE id = ?`, ...values, id);
			return this.#connections.get('WHERE id = ?', id);
		});
	}
}
