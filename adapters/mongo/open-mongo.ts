import {createConnection, Error as MongooseError, type ConnectOptions} from 'mongoose';
import {SetupError} from '../../domain/errors.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {MongoDatabase} from './mongo-database.ts';
import {namesDatabase} from './names-database.ts';
import {isPassing} from './store-error.ts';

/** The database when the URL names none. */
const DEFAULT_DATABASE = 'wahooks';

/** How long a first start waits for a server that is not there yet (both may be starting), in milliseconds. */
const PATIENCE_MS = 30_000;

/** Failures of an operation come well before its deadline (`withinDeadline`), with the driver's reason. */
const SELECTION_TIMEOUT_MS = 2000;

const OPTIONS: ConnectOptions = {
	serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
	connectTimeoutMS: SELECTION_TIMEOUT_MS,
	/** A silent server: longer than the deadline of an operation, to end what nobody waits for any more. */
	socketTimeoutMS: 10_000,
	heartbeatFrequencyMS: SELECTION_TIMEOUT_MS,
	bufferCommands: false,
	autoIndex: false,
	autoCreate: false,
	ignoreUndefined: true,
	/** What a write promises survives a power loss and, on a replica set, the loss of a member. */
	writeConcern: {w: 'majority', journal: true},
};

export interface MongoOptions {
	/** `mongodb://` or `mongodb+srv://`; without a database name in it, `wahooks` is used. */
	readonly url: string;
	readonly log?: Logger;
	/** How long to wait for a server that cannot be reached, in milliseconds; 30,000 by default. */
	readonly patienceMs?: number;
}

/**
 * Connects to MongoDB and makes sure of the indexes. From then on the connection heals by itself.
 * @throws {SetupError} the URL or its credentials are wrong, or no server answered for `patienceMs`
 */
export async function openMongo({url, log, patienceMs = PATIENCE_MS}: MongoOptions): Promise<MongoDatabase> {
	const deadline = performance.now() + patienceMs;
	for (;;) {
		try {
			return await dial(url);
		} catch (error) {
			if (error instanceof SetupError) throw error;
			if (!mayBeStarting(error)) {
				throw new SetupError(`MONGODB_URL does not work (${messageOf(error)}): check address, user and password`, {
					cause: error,
				});
			}
			if (performance.now() + SELECTION_TIMEOUT_MS > deadline) {
				throw new SetupError(`MongoDB cannot be reached (${messageOf(error)}): start it, or correct MONGODB_URL`, {
					cause: error,
				});
			}
			log?.warn({error, patienceMs}, 'mongodb.waiting');
		}
	}
}

async function dial(url: string): Promise<MongoDatabase> {
	const connection = createConnection();
	try {
		await connection.openUri(url, namesDatabase(url) ? OPTIONS : {...OPTIONS, dbName: DEFAULT_DATABASE});
		const database = new MongoDatabase({connection});
		await database.ensureIndexes();
		return database;
	} catch (error) {
		await connection.destroy();
		throw error;
	}
}

/** No server at the address yet, or its name does not resolve yet. Everything else no waiting will mend. */
function mayBeStarting(error: unknown): boolean {
	return error instanceof MongooseError.MongooseServerSelectionError || isPassing(error);
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
