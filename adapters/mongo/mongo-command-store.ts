import type {Model, QueryFilter} from 'mongoose';
import {
	clientMessageId,
	IDEMPOTENCY_KEY_TTL_MS,
	type CommandRecord,
	type CommandStatus,
} from '../../domain/messaging/command.ts';
import type {CommandEnd, CommandStore, Receipt} from '../../domain/ports/command-store.ts';
import {toDocument, type CommandDocument} from './documents.ts';
import type {MongoDatabase} from './mongo-database.ts';
import {isDuplicateKey} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** Commands in MongoDB. */
export class MongoCommandStore implements CommandStore {
	readonly #commands: Model<CommandDocument>;
	readonly #retentionMs: number;

	constructor({database, retentionMs}: {database: MongoDatabase; retentionMs: number}) {
		this.#commands = database.models.commands;
		this.#retentionMs = retentionMs;
	}

	/** The unique key decides between racers; a key that has run out is taken off its old command first. */
	async create(command: CommandRecord): Promise<CommandRecord> {
		for (;;) {
			if (await this.#insert(command)) {
				return command;
			}
			const earlier = (await this.find(command.id)) ?? (await this.#findByKey(command));
			if (earlier !== undefined && (earlier.id === command.id || holdsKey(earlier, command))) {
				return earlier;
			}
			if (earlier !== undefined) {
				await this.#releaseKey(earlier);
			}
		}
	}

	find(id: string): Promise<CommandRecord | undefined> {
		return this.#findOne({_id: id});
	}

	findByMessageKey(connectionId: string, messageKey: string): Promise<CommandRecord | undefined> {
		return this.#findOne({connectionId, messageKey});
	}

	async claim(id: string, owner: string, at: Date): Promise<boolean> {
		const {matchedCount} = await withinDeadline(
			this.#commands.updateOne({_id: id, status: 'queued'}, {$set: {status: 'sending', owner, updatedAt: at}}),
		);
		return matchedCount === 1;
	}

	async finish(id: string, end: CommandEnd, at: Date): Promise<void> {
		const open: CommandStatus[] = ['queued', 'sending'];
		if (end.status !== 'unknown') open.push('unknown');
		await withinDeadline(
			this.#commands.updateOne({_id: id, status: {$in: open}}, {$set: {failure: null, ...end, updatedAt: at}}),
		);
	}

	async acknowledge(receipts: readonly Receipt[]): Promise<void> {
		if (receipts.length === 0) {
			return;
		}
		const notes = receipts.map(({connectionId, messageKey, level, at}) => ({
			updateOne: {filter: {connectionId, messageKey}, update: {$min: {[`receipts.${level}`]: at}}},
		}));
		await withinDeadline(this.#commands.bulkWrite(notes, {ordered: false}));
	}

	/** False when the id or the key is taken. */
	async #insert(command: CommandRecord): Promise<boolean> {
		const document: CommandDocument = {
			...toDocument(command),
			...(command.idempotencyKey !== null && {idempotency: combinedKey(command)}),
			expiresAt: new Date(command.createdAt.getTime() + this.#retentionMs),
		};
		try {
			await withinDeadline(this.#commands.insertMany([document], {lean: true}));
			return true;
		} catch (error) {
			if (!isDuplicateKey(error)) throw error;
			return false;
		}
	}

	async #findByKey(command: CommandRecord): Promise<CommandRecord | undefined> {
		return command.idempotencyKey === null ? undefined : this.#findOne({idempotency: combinedKey(command)});
	}

	async #releaseKey(command: CommandRecord): Promise<void> {
		await withinDeadline(this.#commands.updateOne({_id: command.id}, {$unset: {idempotency: 1}}));
	}

	async #findOne(filter: QueryFilter<CommandDocument>): Promise<CommandRecord | undefined> {
		const document = await withinDeadline(this.#commands.findOne(filter).lean<CommandDocument | null>());
		return document === null ? undefined : toCommand(document);
	}
}

/** Commands from before acknowledgements were kept have none, and were sent under the key that was asked for. */
function toCommand(document: CommandDocument): CommandRecord {
	const {_id, idempotency: _idempotency, expiresAt: _expiresAt, ...command} = document;
	const {messageKey = clientMessageId(_id), receipts = {}} = document;
	return {id: _id, ...command, messageKey, receipts};
}

/** Unambiguous whatever the key contains: user ids have no slash. */
function combinedKey({userId, idempotencyKey}: CommandRecord): string {
	return `${userId}/${idempotencyKey ?? ''}`;
}

function holdsKey(earlier: CommandRecord, command: CommandRecord): boolean {
	return command.createdAt.getTime() - earlier.createdAt.getTime() < IDEMPOTENCY_KEY_TTL_MS;
}
