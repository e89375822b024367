import {addAbortListener} from 'node:events';
import type {Connection as MongooseConnection} from 'mongoose';
import {SetupError} from '../../domain/errors.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import {createModels, type Models} from './models.ts';
import {isPassing} from './store-error.ts';
import {withinDeadline} from './within-deadline.ts';

/** The database that all MongoDB stores share (made by `openMongo`), and whether it answers. */
export class MongoDatabase implements HealthCheck, AsyncDisposable {
	readonly dependency = 'store';
	readonly models: Models;
	readonly #connection: MongooseConnection;

	/** @param connection connected, without command buffering */
	constructor({connection}: {connection: MongooseConnection}) {
		this.#connection = connection;
		this.models = createModels(connection);
	}

	/**
	 * Creates the indexes that are missing, and drops none.
	 * @throws {SetupError} one cannot be created; other errors pass by themselves.
	 */
	async ensureIndexes(): Promise<void> {
		for (const model of Object.values(this.models) as readonly Models['users'][]) {
			try {
				await model.createIndexes();
			} catch (error) {
				if (isPassing(error)) throw error;
				const reason = error instanceof Error ? error.message : String(error);
				throw new SetupError(
					`MongoDB refused an index of "${model.collection.name}" (${reason}): give the user of MONGODB_URL the role readWrite, or drop the index that differs`,
					{cause: error},
				);
			}
		}
	}

	async check(signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		const {promise: aborted, reject} = Promise.withResolvers<never>();
		using _listener = addAbortListener(signal, () => {
			reject(signal.reason as Error);
		});
		await Promise.race([withinDeadline(this.#ping()), aborted]);
	}

	/** Waits for nothing: an operation that is under way fails. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#connection.destroy();
	}

	async #ping(): Promise<void> {
		await this.#connection.db?.command({ping: 1});
	}
}
