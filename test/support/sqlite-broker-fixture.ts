import {join} from 'node:path';
import {BROKER_MIGRATIONS} from '../../adapters/sqlite/broker-schema.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SqliteBroker} from '../../adapters/sqlite/sqlite-broker.ts';
import type {Sync} from '../../adapters/sqlite/write-ahead-log.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import type {Topology} from '../../domain/broker/topology.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {BrokerHarness} from '../contracts/broker.contract.ts';
import {RecordingLogger} from './recording-logger.ts';
import {createTemporaryFolder, type TemporaryFolder} from './temporary-folder.ts';

export interface SqliteBrokerFixtureOptions {
	/** Default: the system's. */
	readonly clock?: Clock;
	/** Default: the disk as it is. */
	readonly sync?: Sync;
}

/** An embedded broker on a file in a folder of its own, which can be closed and opened again. */
export class SqliteBrokerFixture implements AsyncDisposable {
	readonly log = new RecordingLogger();
	readonly topology: Topology;
	readonly #folder: TemporaryFolder;
	readonly #clock: Clock;
	readonly #sync: Sync | undefined;
	#database: SqliteDatabase;
	#broker: SqliteBroker;

	private constructor(
		folder: TemporaryFolder,
		topology: Topology,
		{clock = new SystemClock(), sync}: SqliteBrokerFixtureOptions,
	) {
		this.topology = topology;
		this.#folder = folder;
		this.#clock = clock;
		this.#sync = sync;
		[this.#database, this.#broker] = this.#open(topology);
	}

	static async create(topology: Topology, options: SqliteBrokerFixtureOptions = {}): Promise<SqliteBrokerFixture> {
		return new SqliteBrokerFixture(await createTemporaryFolder(), topology, options);
	}

	get path(): string {
		return join(this.#folder.path, 'broker.db');
	}

	get broker(): SqliteBroker {
		return this.#broker;
	}

	get database(): SqliteDatabase {
		return this.#database;
	}

	/** Closes it, which waits for what is in hand, and opens it again, with another topology if one is given. */
	async reopen(topology: Topology = this.topology): Promise<SqliteBroker> {
		await this.close();
		[this.#database, this.#broker] = this.#open(topology);
		return this.#broker;
	}

	openDatabase(): SqliteDatabase {
		return new SqliteDatabase({path: this.path, migrations: BROKER_MIGRATIONS, sync: this.#sync});
	}

	async close(): Promise<void> {
		await this.#broker[Symbol.asyncDispose]();
		await this.#database[Symbol.asyncDispose]();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
		await this.#folder[Symbol.asyncDispose]();
	}

	#open(topology: Topology): readonly [SqliteDatabase, SqliteBroker] {
		const database = this.openDatabase();
		return [database, new SqliteBroker({database, topology, clock: this.#clock, log: this.log})];
	}
}

/** For the contracts of a broker. */
export function sqliteBrokerHarness(options: SqliteBrokerFixtureOptions = {}): BrokerHarness {
	return {
		supportsSeveralProcesses: false,
		async start(topology) {
			const fixture = await SqliteBrokerFixture.create(topology, options);
			return Object.assign(fixture, {openAnother: () => Promise.reject(new Error('one process owns the file'))});
		},
	};
}
