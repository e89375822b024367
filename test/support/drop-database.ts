import mongoose from 'mongoose';

/** Takes a test's database off a server that others use too. */
export async function dropDatabase(url: string): Promise<void> {
	const connection = await mongoose.createConnection(url).asPromise();
	try {
		await connection.dropDatabase();
	} finally {
		await connection.close();
	}
}
