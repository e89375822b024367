import test from 'ava';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SqliteRetention} from '../../adapters/sqlite/sqlite-retention.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {storesContract} from '../contracts/stores.contract.ts';

storesContract(test, {
	open: () => {
		const database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
		return Promise.resolve({
			stores: createSqliteStores(database),
			others: createSqliteStores(database),
			expireAll: async () => {
				await new SqliteRetention({database}).sweep(new Date('9999-01-01T00:00:00Z'));
			},
			[Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
		});
	},
});
