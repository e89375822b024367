import type {DeliveryStore} from '../../domain/ports/delivery-store.ts';
import type {ListPosition} from '../../domain/ports/page.ts';
import {attemptId, deliveryAfter, progressOf, type Delivery, type Outcome} from '../../domain/webhooks/delivery.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

interface DeliveryRow extends Delivery {
	readonly progress: number;
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
};

/** A row moves forward only; when it was first due is the earliest that any step says. */
const MOVE_FORWARD = `ON CONFLICT (id) DO UPDATE SET
	run = excluded.run, attempts = excluded.attempts, state = excluded.state, updatedAt = excluded.updatedAt,
	deliveredAt = excluded.deliveredAt, nextAttemptAt = excluded.nextAttemptAt, lastStatus = excluded.lastStatus,
	lastError = excluded.lastError, reason = excluded.reason, progress = excluded.progress,
	createdAt = min(createdAt, excluded.createdAt)
	WHERE excluded.progress > progress`;

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

	async find(id: string): Promise<Delivery | undefined> {
		const row = await this.#deliveries.find('WHERE id = ?', id);
		return row && toDelivery(row);
	}

	async listByWebhook(
		webhookId: string,
		{limit, before}: {readonly limit: number; readonly before?: ListPosition},
	): Promise<readonly Delivery[]> {
		const rows = await this.#deliveries.list(
			'WHERE webhookId = ? AND (createdAt, id) < (?, ?) ORDER BY createdAt DESC, id DESC LIMIT ?',
			webhookId,
			before?.createdAt.getTime() ?? Number.MAX_SAFE_INTEGER,
			before?.id ?? '',
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
		const createdAt = new Date(outcome.firstAtMs);
		const row = {...deliveryAfter(outcome), createdAt, progress: progressOf(outcome)};
		if (!this.#deliveries.insert(row, MOVE_FORWARD)) {
			const sql = 'UPDATE deliveries SET createdAt = ?1 WHERE id = ?2 AND createdAt > ?1';
			this.#deliveries.run(sql, createdAt.getTime(), outcome.deliveryId);
		}
	}
}

function toDelivery({progress: _, ...delivery}: DeliveryRow): Delivery {
	return delivery;
}
