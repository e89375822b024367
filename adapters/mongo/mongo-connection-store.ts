import type {Model, QueryFilter, SortOrder, UpdateQuery} from 'mongoose';
import {afterReport} from '../../domain/connections/after-report.ts';
import type {Connection, ConnectionStatus, SessionReport} from '../../domain/connections/connection.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {Page} from '../../domain/ports/page.ts';
import {fromDocument, toDocument, type ConnectionDocument} from './documents.ts';
import {insertOnce} from './insert-once.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {positionedAfter} from './positioned-after.ts';
import {withinDeadline} from './within-deadline.ts';

/** Connections in MongoDB. */
export class MongoConnectionStore implements ConnectionStore {
	readonly #connections: Model<ConnectionDocument>;

	constructor({database}: {database: MongoDatabase}) {
		this.#connections = database.models.connections;
	}

	insert(connection: Connection): Promise<void> {
		return insertOnce(this.#connections, toDocument(connection));
	}

	find(id: string): Promise<Connection | undefined> {
		return this.#findOne({_id: id});
	}

	findBySession(sessionName: string): Promise<Connection | undefined> {
		return this.#findOne({sessionName});
	}

	list(userId: string, {limit, after}: Page, ids: readonly string[] | null = null): Promise<readonly Connection[]> {
		const chosen = ids === null ? {} : {_id: {$in: ids}};
		return this.#list({userId, deletedAt: null, ...chosen, ...positionedAfter(after)}, limit);
	}

	listIdle(userId: string, limit: number): Promise<readonly Connection[]> {
		return this.#list(
			{userId, status: {$in: ['scan_qr', 'pending', 'failed']}, suspendedAt: null, deletedAt: null},
			limit,
			-1,
		);
	}

	async countByStatus(): Promise<Readonly<Partial<Record<ConnectionStatus, number>>>> {
		const counting = this.#connections.aggregate<{readonly _id: ConnectionStatus; readonly count: number}>([
			{$match: {deletedAt: null}},
			{$group: {_id: '$status', count: {$sum: 1}}},
		]);
		const counts = await withinDeadline(counting.exec());
		return Object.fromEntries(counts.map(({_id: status, count}) => [status, count]));
	}

	rename(id: string, name: string | null, at: Date): Promise<Connection | undefined> {
		return this.#update({_id: id}, {$set: {name, updatedAt: at}});
	}

	/** Compare-and-set on the state that was read: when another report came in between, this one is weighed again. */
	async applyReport(id: string, report: SessionReport): Promise<boolean> {
		for (;;) {
			const known = await this.find(id);
			const applied = known && afterReport(known, report);
			if (known === undefined || applied === undefined) {
				return false;
			}
			const {status, statusAt, me, phoneNumber, linkedAt, updatedAt} = applied.connection;
			const {matchedCount} = await withinDeadline(
				this.#connections.updateOne(
					{_id: id, status: known.status, statusAt: known.statusAt, deletedAt: null},
					{$set: {status, statusAt, me, phoneNumber, linkedAt}, $max: {updatedAt}},
				),
			);
			if (matchedCount === 1) {
				return applied.changed;
			}
		}
	}

	async countOf(userId: string): Promise<{readonly running: number; readonly suspended: number}> {
		const count = (filter: QueryFilter<ConnectionDocument>): Promise<number> =>
			withinDeadline(this.#connections.countDocuments({userId, deletedAt: null, ...filter}));
		const [all, suspended] = await Promise.all([count({}), count({suspendedAt: {$ne: null}})]);
		return {running: all - suspended, suspended};
	}

	async suspend(id: string, at: Date): Promise<boolean> {
		const changes = {desiredState: 'stopped', suspendedAt: at, updatedAt: at} as const;
		return (await this.#update({_id: id, suspendedAt: null, deletedAt: null}, {$set: changes})) !== undefined;
	}

	async resume(id: string, at: Date): Promise<boolean> {
		const changes = {desiredState: 'running', suspendedAt: null, status: 'pending', updatedAt: at} as const;
		return (await this.#update({_id: id, suspendedAt: {$ne: null}, deletedAt: null}, {$set: changes})) !== undefined;
	}

	async assign(id: string, workerId: string | null, engine: string | null, at: Date): Promise<void> {
		const changes = {workerId, updatedAt: at, ...(engine !== null && {engine})};
		await withinDeadline(this.#connections.updateOne({_id: id, deletedAt: null}, {$set: changes}));
	}

	async markDeleted(id: string, at: Date): Promise<Connection | undefined> {
		const deleted = {status: 'stopped', desiredState: 'stopped', workerId: null, updatedAt: at, deletedAt: at} as const;
		return (await this.#update({_id: id, deletedAt: null}, {$set: deleted})) ?? (await this.find(id));
	}

	listUnprovisioned(limit: number): Promise<readonly Connection[]> {
		return this.#list({$or: [{workerId: null}, {status: 'pending'}], desiredState: 'running', deletedAt: null}, limit);
	}

	listProvisioned(workerId: string): Promise<readonly Connection[]> {
		return this.#list({workerId, status: {$ne: 'pending'}, desiredState: 'running', deletedAt: null});
	}

	async #findOne(filter: QueryFilter<ConnectionDocument>): Promise<Connection | undefined> {
		const document = await withinDeadline(this.#connections.findOne(filter).lean<ConnectionDocument | null>());
		return document === null ? undefined : toConnection(document);
	}

	/** @param limit 0 = all */
	async #list(
		filter: QueryFilter<ConnectionDocument>,
		limit = 0,
		order: SortOrder = 1,
	): Promise<readonly Connection[]> {
		const query = this.#connections.find(filter).sort({createdAt: order, _id: order}).limit(limit);
		const documents = await withinDeadline(query.lean<ConnectionDocument[]>());
		return documents.map((document) => toConnection(document));
	}

	async #update(
		filter: QueryFilter<ConnectionDocument>,
		update: UpdateQuery<ConnectionDocument>,
	): Promise<Connection | undefined> {
		const query = this.#connections.findOneAndUpdate(filter, update, {returnDocument: 'after'});
		const document = await withinDeadline(query.lean<ConnectionDocument | null>());
		return document === null ? undefined : toConnection(document);
	}
}

function toConnection(document: ConnectionDocument): Connection {
	return fromDocument<Connection>({...document, suspendedAt: document.suspendedAt ?? null});
}
