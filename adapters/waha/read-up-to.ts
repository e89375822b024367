import type {Readable} from 'node:stream';

/** The beginning of an answer as text. Leaves what goes beyond; the connection is closed then. */
export async function readUpTo(answer: Readable, limitBytes: number): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of answer as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes > limitBytes) break;
	}
	return Buffer.concat(chunks).toString('utf8', 0, limitBytes);
}
