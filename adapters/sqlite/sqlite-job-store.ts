import type {Job} from '../../domain/jobs/job.ts';
import type {JobQuery, JobStore} from '../../domain/ports/job-store.ts';
import type {SqliteDatabase} from './database.ts';
import {SqliteTable, type Columns} from './sqlite-table.ts';

/** `from` and `to` are words of SQL. */
interface JobRow extends Omit<Job, 'from' | 'to'> {
	readonly receivedFrom: Date;
	readonly receivedTo: Date;
}

const COLUMNS: Columns<JobRow> = {
	id: 'plain',
	kind: 'plain',
	userId: 'plain',
	webhookId: 'plain',
	connectionId: 'plain',
	receivedFrom: 'date',
	receivedTo: 'date',
	events: 'json',
	status: 'plain',
	state: 'plain',
	total: 'plain',
	done: 'plain',
	failed: 'plain',
	reason: 'plain',
	createdAt: 'date',
	startedAt: 'date',
	finishedAt: 'date',
	updatedAt: 'date',
	turn: 'plain',
	version: 'plain',
	work: 'json',
};

/** What a job is does not change; what became of it does. */
const REPLACE = `ON CONFLICT (id) DO UPDATE SET state = excluded.state, total = excluded.total, done = excluded.done,
	failed = excluded.failed, reason = excluded.reason, startedAt = excluded.startedAt, finishedAt = excluded.finishedAt,
	updatedAt = excluded.updatedAt, turn = excluded.turn, version = excluded.version, work = excluded.work`;

/** Jobs in the embedded store. */
export class SqliteJobStore implements JobStore {
	readonly #jobs: SqliteTable<JobRow>;

	constructor({database}: {database: SqliteDatabase}) {
		this.#jobs = new SqliteTable<JobRow>({database, name: 'jobs', columns: COLUMNS});
	}

	create(job: Job): Promise<Job> {
		return this.#jobs.transact(() => {
			const other = this.#jobs.get('WHERE webhookId = ? AND finishedAt IS NULL', job.webhookId);
			if (other !== undefined) return toJob(other);
			this.#jobs.insert(toRow(job));
			return job;
		});
	}

	async find(id: string): Promise<Job | undefined> {
		const row = await this.#jobs.find('WHERE id = ?', id);
		return row && toJob(row);
	}

	async list(userId: string, {limit, before, connectionIds}: JobQuery): Promise<readonly Job[]> {
		const rows = await this.#jobs.list(
			`WHERE userId = ? AND (createdAt, id) < (?, ?)
				AND (? IS NULL OR connectionId IN (SELECT value FROM json_each(?)))
				ORDER BY createdAt DESC, id DESC LIMIT ?`,
			userId,
			before?.createdAt.getTime() ?? Number.MAX_SAFE_INTEGER,
			before?.id ?? '',
			...(connectionIds === undefined ? [null, null] : [1, JSON.stringify(connectionIds)]),
			limit,
		);
		return rows.map(toJob);
	}

	save(job: Job): Promise<Job | undefined> {
		const next = {...job, version: job.version + 1};
		return this.#jobs.transact(() => {
			const isCurrent = this.#jobs.get('WHERE id = ?', job.id)?.version === job.version;
			return isCurrent && this.#jobs.insert(toRow(next), REPLACE) ? next : undefined;
		});
	}

	async listStale(before: Date, limit: number): Promise<readonly Job[]> {
		const rest = 'WHERE finishedAt IS NULL AND updatedAt < ? ORDER BY updatedAt LIMIT ?';
		const rows = await this.#jobs.list(rest, before.getTime(), limit);
		return rows.map(toJob);
	}
}

function toRow({from, to, ...job}: Job): JobRow {
	return {...job, receivedFrom: from, receivedTo: to};
}

function toJob({receivedFrom, receivedTo, ...row}: JobRow): Job {
	return {...row, from: receivedFrom, to: receivedTo};
}
