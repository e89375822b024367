import type {Page} from '../../domain/ports/page.ts';
import type {SecretRotation, WebhookChanges, WebhookStore} from '../../domain/ports/webhook-store.ts';
import {isNewStart, NO_FAILURES} from '../../domain/webhooks/failures.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

/** A webhook with its previous secret in two columns. */
interface WebhookRow extends Omit<Webhook, 'previousSecret'> {
	readonly previousSealed: string | null;
	readonly previousUntil: Date | null;
}

const COLUMNS: Columns<WebhookRow> = {
	id: 'plain',
	userId: 'plain',
	connectionId: 'plain',
	url: 'plain',
	events: 'json',
	sealedSecret: 'plain',
	previousSealed: 'plain',
	previousUntil: 'date',
	active: 'flag',
	disabledReason: 'plain',
	disabledAt: 'date',
	failingSince: 'date',
	lastFailureAt: 'date',
	timeoutMs: 'plain',
	retryScheduleMs: 'json',
	sealedHeaders: 'plain',
	filter: 'json',
	ratePerSecond: 'plain',
	concurrency: 'plain',
	orderSwitchesMs: 'json',
	createdAt: 'date',
	updatedAt: 'date',
	deletedAt: 'date',
};

const REPLACE = `ON CONFLICT (id) DO UPDATE SET ${Object.keys(COLUMNS)
	.map((name) => `${name} = excluded.${name}`)
	.join()}`;

/** Those of a JSON array of ids that have a series of failures. */
const FAILING = 'id IN (SELECT value FROM json_each(?)) AND failingSince IS NOT NULL';

/** Webhooks in the embedded store. */
export class SqliteWebhookStore implements WebhookStore {
	readonly #webhooks: SqliteTable<WebhookRow>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#webhooks = new SqliteTable<WebhookRow>({database, name: 'webhooks', columns: COLUMNS});
	}

	async insert(webhook: Webhook): Promise<void> {
		await this.#webhooks.transact(() => this.#webhooks.insert(toRow(webhook), 'ON CONFLICT (id) DO NOTHING'));
	}

	async find(id: string): Promise<Webhook | undefined> {
		const row = await this.#webhooks.find('WHERE id = ? AND deletedAt IS NULL', id);
		return row && fromRow(row);
	}

	listByConnection(connectionId: string, page: Page): Promise<readonly Webhook[]> {
		return this.#listPage('connectionId', connectionId, page);
	}

	listByUser(userId: string, page: Page): Promise<readonly Webhook[]> {
		return this.#listPage('userId', userId, page);
	}

	async listForEvent(userId: string, connectionId: string | null): Promise<readonly Webhook[]> {
		const rows = await this.#webhooks.list(
			`WHERE userId = ? AND (connectionId IS NULL OR connectionId = ?) AND deletedAt IS NULL ORDER BY createdAt, id`,
			userId,
			connectionId,
		);
		return rows.map(fromRow);
	}

	async listSome(limit: number): Promise<readonly Webhook[]> {
		return (await this.#webhooks.list('WHERE deletedAt IS NULL LIMIT ?', limit)).map(fromRow);
	}

	update(id: string, changes: WebhookChanges, at: Date): Promise<Webhook | undefined> {
		const cleared = {
			...(changes.active === true && {disabledReason: null, disabledAt: null}),
			...(isNewStart(changes) && NO_FAILURES),
		};
		return this.#change(id, (row) => ({...row, ...changes, ...cleared, updatedAt: at}));
	}

	rotateSecret(id: string, {from, to, previous}: SecretRotation, at: Date): Promise<Webhook | undefined> {
		return this.#change(id, (row) =>
			row.sealedSecret === from
				? toRow({...fromRow(row), ...NO_FAILURES, sealedSecret: to, previousSecret: previous, updatedAt: at})
				: undefined,
		);
	}

	noteFailure(id: string, at: Date, quietSince: Date): Promise<Webhook | undefined> {
		return this.#change(id, (row) => {
			const {failingSince, lastFailureAt} = row;
			if (!row.active || row.updatedAt > at) return undefined;
			return failingSince === null || lastFailureAt === null || lastFailureAt < quietSince
				? {...row, failingSince: at, lastFailureAt: at}
				: {...row, lastFailureAt: lastFailureAt > at ? lastFailureAt : at};
		});
	}

	/** Looks first: nothing is written for those that work, which is nearly all of them. */
	async forgetFailures(ids: readonly string[]): Promise<void> {
		const failing = await this.#webhooks.list(`WHERE ${FAILING}`, JSON.stringify(ids));
		if (failing.length === 0) return;
		await this.#webhooks.transact(() =>
			this.#webhooks.run(
				`UPDATE webhooks SET failingSince = NULL, lastFailureAt = NULL WHERE ${FAILING}`,
				JSON.stringify(ids),
			),
		);
	}

	disable(id: string, reason: string, at: Date): Promise<boolean> {
		return this.#webhooks.transact(() =>
			this.#webhooks.run(
				`UPDATE webhooks SET active = 0, disabledReason = ?1, disabledAt = ?2, updatedAt = ?2
				WHERE id = ?3 AND active AND deletedAt IS NULL AND updatedAt <= ?2`,
				reason,
				at.getTime(),
				id,
			),
		);
	}

	async markDeleted(id: string, at: Date): Promise<void> {
		const sql = 'UPDATE webhooks SET deletedAt = ?1, updatedAt = ?1 WHERE id = ?2 AND deletedAt IS NULL';
		await this.#webhooks.transact(() => this.#webhooks.run(sql, at.getTime(), id));
	}

	async #listPage(column: 'connectionId' | 'userId', owner: string, {limit, after}: Page): Promise<readonly Webhook[]> {
		const rows = await this.#webhooks.list(
			`WHERE ${column} = ? AND deletedAt IS NULL AND (createdAt, id) > (?, ?) ORDER BY createdAt, id LIMIT ?`,
			owner,
			after?.createdAt.getTime() ?? -1,
			after?.id ?? '',
			limit,
		);
		return rows.map(fromRow);
	}

	/** Replaces a row by what `change` makes of it; undefined changes nothing. */
	#change(id: string, change: (row: WebhookRow) => WebhookRow | undefined): Promise<Webhook | undefined> {
		return this.#webhooks.transact(() => {
			const row = this.#webhooks.get('WHERE id = ? AND deletedAt IS NULL', id);
			const changed = row && change(row);
			if (changed === undefined) {
				return undefined;
			}
			this.#webhooks.insert(changed, REPLACE);
			return fromRow(changed);
		});
	}
}

function toRow({previousSecret, ...webhook}: Webhook): WebhookRow {
	return {...webhook, previousSealed: previousSecret?.sealed ?? null, previousUntil: previousSecret?.until ?? null};
}

function fromRow({previousSealed: sealed, previousUntil: until, ...webhook}: WebhookRow): Webhook {
	return {...webhook, previousSecret: sealed === null || until === null ? null : {sealed, until}};
}
