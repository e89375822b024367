import {join} from 'node:path';
import {createMongoStores} from '../../adapters/mongo/mongo-stores.ts';
import {openMongo} from '../../adapters/mongo/open-mongo.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {RecordingLogger} from './recording-logger.ts';
import type {World} from './world.ts';

/** Reads what a deployment stored. The embedded default keeps its files to itself: stop its process first. */
export async function openWorldStores(
	world: Pick<World, 'mongodbUrl' | 'dataDir'>,
	resources: AsyncDisposableStack,
): Promise<Stores> {
	if (world.mongodbUrl === undefined) {
		const path = join(world.dataDir, 'store.db');
		return createSqliteStores(resources.use(new SqliteDatabase({path, migrations: STORE_MIGRATIONS})));
	}
	return createMongoStores(resources.use(await openMongo({url: world.mongodbUrl, log: new RecordingLogger()})));
}
