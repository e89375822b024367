import {randomUUID} from 'node:crypto';
import {createConnection, type Connection} from 'mongoose';
import {createMongoStores} from '../../adapters/mongo/mongo-stores.ts';
import {openMongo} from '../../adapters/mongo/open-mongo.ts';
import type {StoresFixture, StoresHarness} from '../contracts/stores-harness.ts';
import {dropAndClose} from './drop-database.ts';

/** Tests start all at once; a server that they share is asked for so many databases at a time. */
const MAX_OPEN = 4;

/** A database of each test's own on one MongoDB server, reached through two clients. */
export class MongoStoresHarness implements StoresHarness {
	readonly #url: string;
	readonly #waiting: (() => void)[] = [];
	#open = 0;

	constructor(url: string) {
		this.#url = url;
	}

	async open(): Promise<StoresFixture> {
		await this.#enter();
		const resources = new AsyncDisposableStack();
		resources.defer(() => {
			this.#leave();
		});
		const database = resources.use(await createMongoTestDatabase(this.#url));
		const [first, second] = [await openMongo(database), await openMongo(database)];
		resources.use(first);
		resources.use(second);
		return {
			stores: createMongoStores(first),
			others: createMongoStores(second),
			expireAll: () => database.expireAll(),
			[Symbol.asyncDispose]: () => resources.disposeAsync(),
		};
	}

	async #enter(): Promise<void> {
		if (this.#open === MAX_OPEN) {
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		} else {
			this.#open++;
		}
	}

	#leave(): void {
		const next = this.#waiting.shift();
		if (next === undefined) {
			this.#open--;
		} else {
			next();
		}
	}
}

/** A database with a fresh name, dropped when disposed. */
export interface MongoTestDatabase extends AsyncDisposable {
	readonly url: string;
	/** The plain driver's view. */
	readonly connection: Connection;
	/** Deletes what a TTL index would delete in time. */
	expireAll(): Promise<void>;
}

export async function createMongoTestDatabase(serverUrl: string): Promise<MongoTestDatabase> {
	const url = new URL(serverUrl);
	url.pathname = `/test_${randomUUID()}`;
	const connection = await createConnection(url.href).asPromise();
	return {
		url: url.href,
		connection,
		expireAll: async () => {
			for (const name of ['events', 'deliveries', 'attempts', 'commands', 'deadLetters', 'billingEvents', 'jobs']) {
				await connection.collection(name).deleteMany({expiresAt: {$exists: true}});
			}
		},
		[Symbol.asyncDispose]: () => dropAndClose(connection),
	};
}
