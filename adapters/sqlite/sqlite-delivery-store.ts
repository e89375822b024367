import type {SQLInputValue} from 'node:sqlite';
import type {DeliveryQuery, DeliveryStore} from '../../domain/ports/delivery-store.ts';
import {
	attemptId,
	deliveryAfter,
	FINAL_STATES,
	progressOf,
	triedOf,
	type Delivery,
	type Outcome,
} from '../../domain/webhooks/delivery.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

interface DeliveryRow extends Delivery {
	readonly progress: number;
	/** The attempt that `lastStatus` and `lastError` are of (`triedOf`). */
	readonly tried: number;
}

interface AttemptRow {
	readonly id: string;
	readonly deliveryId: string;
	readonly run: number;
	readonly attempt: number;
	readonly at: Date;
	readonly outcome: Outcome;
}

const DELIVERY_COLUMNS: Columns<DeliveryRow> = {
	id: 'plain',
	eventId: 'plain',
	event: 'plain',
	webhookId: 'plain',
	userId: 'plain',
	connectionId: 'plain',
	run: 'plain',
	attempts: 'plain',
	state: 'plain',
	createdAt: 'date',
	updatedAt: 'date',
	deliveredAt: 'date',
	nextAttemptAt: 'date',
	lastStatus: 'plain',
	lastError: 'plain',
	reason: 'plain',
	progress: 'plain',
	tried: 'plain',
};

/** A row moves forward only (`isFurther`); when it was first due is the earliest that any step says. */
const MOVE_FORWARD = `ON CONFLICT (id) DO UPDATE SET
	run = excluded.run, attempts = excluded.attempts, state = excluded.state, updatedAt = excluded.updatedAt,
	deliveredAt = excluded.deliveredAt, nextAttemptAt = excluded.nextAttemptAt, reason = excluded.reason,
	progress = excluded.progress, createdAt = min(createdAt, excluded.createdAt),
	lastStatus = iif(excluded.tried > tried, excluded.lastStatus, lastStatus),
	lastError = iif(excluded.tried > tried, excluded.lastError, lastError),
	tried = max(tried, excluded.tried)
	WHERE excluded.progress > progress
		OR (excluded.progress = progress AND ifnull(excluded.nextAttemptAt, 0) > ifnull(nextAttemptAt, 0))`;

/** What a step still tells of a row that went past it. */
const FILL_IN = `UPDATE deliveries SET
	createdAt = min(createdAt, ?2),
	lastStatus = iif(?3 > tried, ?4, lastStatus),
	lastError = iif(?3 > tried, ?5, lastError),
	tried = max(tried, ?3)
	WHERE id = ?1 AND (createdAt > ?2 OR tried < ?3)`;

const START_RUN = `UPDATE deliveries SET
	run = ?2, attempts = 0, state = 'queued', updatedAt = ?3, deliveredAt = NULL, nextAttemptAt = ?4, reason = NULL, progress = ?5
	WHERE id = ?1 AND run = ?2 - 1 AND state IN (${FINAL_STATES.map((state) => `'${state}'`).join()})`;

/** Deliveries and their attempts in the embedded store. */
export class SqliteDeliveryStore implements DeliveryStore {
	readonly #deliveries: SqliteTable<DeliveryRow>;
	readonly #attempts: SqliteTable<AttemptRow>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#deliveries = new SqliteTable<DeliveryRow>({database, name: 'deliveries', columns: DELIVERY_COLUMNS});
		this.#attempts = new SqliteTable<AttemptRow>({
			database,
			name: 'attempts',
			columns: {id: 'plain', deliveryId: 'plain', run: 'plain', attempt: 'plain', at: 'date', outcome: 'json'},
		});
	}

	record(outcomes: readonly Outcome[]): Promise<void> {
		return this.#deliveries.transact(() => {
			for (const outcome of outcomes) {
				this.#addAttempt(outcome);
				this.#moveForward(outcome);
			}
		});
	}

	startRun(queued: Outcome): Promise<boolean> {
		const {deliveryId, run, atMs, nextAttemptAtMs = null} = queued;
		if (run === 1) {
			return this.#deliveries.transact(() => this.#deliveries.insert(toRow(queued), 'ON CONFLICT (id) DO NOTHING'));
		}
		const values = [deliveryId, run, atMs, nextAttemptAtMs, progressOf(queued)];
		return this.#deliveries.transact(() => this.#deliveries.run(START_RUN, ...values));
	}

	async find(id: string): Promise<Delivery | undefined> {
		const row = await this.#deliveries.find('WHERE id = ?', id);
		return row && toDelivery(row);
	}

	async findMany(ids: readonly string[]): Promise<readonly Delivery[]> {
		const rows = await this.#deliveries.list('WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
		return rows.map(toDelivery);
	}

	async listByWebhook(webhookId: string, {limit, before, ...filter}: DeliveryQuery): Promise<readonly Delivery[]> {
		const {sql, values} = toConditions(filter);
		const rows = await this.#deliveries.list(
			`WHERE webhookId = ? AND (createdAt, id) < (?, ?) ${sql} ORDER BY createdAt DESC, id DESC LIMIT ?`,
			webhookId,
			before?.createdAt.getTime() ?? Number.MAX_SAFE_INTEGER,
			before?.id ?? '',
			...values,
			limit,
		);
		return rows.map(toDelivery);
	}

	async listOverdue(before: Date, limit: number): Promise<readonly Delivery[]> {
		const rows = await this.#deliveries.list(
			'WHERE nextAttemptAt < ? ORDER BY nextAttemptAt LIMIT ?',
			before.getTime(),
			limit,
		);
		return rows.map(toDelivery);
	}

	async listAttempts(deliveryId: string): Promise<readonly Outcome[]> {
		const rows = await this.#attempts.list('WHERE deliveryId = ? ORDER BY run, attempt', deliveryId);
		return rows.map(({outcome}) => outcome);
	}

	#addAttempt(outcome: Outcome): void {
		if (outcome.result === undefined || outcome.attempt < 1) {
			return;
		}
		const {deliveryId, run, attempt, atMs} = outcome;
		const row = {id: attemptId(outcome), deliveryId, run, attempt, at: new Date(atMs), outcome};
		this.#attempts.insert(row, 'ON CONFLICT (id) DO NOTHING');
	}

	#moveForward(outcome: Outcome): void {
		const row = toRow(outcome);
		if (!this.#deliveries.insert(row, MOVE_FORWARD)) {
			this.#deliveries.run(FILL_IN, row.id, outcome.firstAtMs, row.tried, row.lastStatus, row.lastError);
		}
	}
}

function toRow(outcome: Outcome): DeliveryRow {
	const createdAt = new Date(outcome.firstAtMs);
	return {...deliveryAfter(outcome), createdAt, progress: progressOf(outcome), tried: triedOf(outcome)};
}

function toConditions({states, event, from, to}: Omit<DeliveryQuery, 'limit' | 'before'>): {
	sql: string;
	values: readonly SQLInputValue[];
} {
	const conditions: (readonly [string, SQLInputValue])[] = [];
	if (states !== undefined) conditions.push(['AND state IN (SELECT value FROM json_each(?))', JSON.stringify(states)]);
	if (event !== undefined) conditions.push(['AND event = ?', event]);
	if (from !== undefined) conditions.push(['AND createdAt >= ?', from.getTime()]);
	if (to !== undefined) conditions.push(['AND createdAt < ?', to.getTime()]);
	// In these words, or the index of the few that were not delivered does not count.
	const isOfTheFew = states?.includes('delivered') === false;
	return {
		sql: conditions.map(([sql]) => sql).join(' ') + (isOfTheFew ? " AND state <> 'delivered'" : ''),
		values: conditions.map(([, value]) => value),
	};
}

function toDelivery({progress: _progress, tried: _tried, ...delivery}: DeliveryRow): Delivery {
	return delivery;
}
