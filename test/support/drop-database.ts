import mongoose, {type Connection} from 'mongoose';
import pRetry from 'p-retry';

/** Takes a test's database off a server that others use too. */
export async function dropDatabase(url: string): Promise<void> {
	await dropAndClose(await mongoose.createConnection(url).asPromise());
}

/** The same, of a connection that is not needed any more. */
export async function dropAndClose(connection: Connection): Promise<void> {
	try {
		// A write whose client is gone may still be under way at the server, which not every server can do both at once.
		await pRetry(() => connection.dropDatabase(), {retries: 5, minTimeout: 100, factor: 2});
	} finally {
		await connection.destroy();
	}
}
