import type {ServerResponse} from 'node:http';
import {Writable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {isRecyclable, type Recyclable} from '../../domain/media/recyclable.ts';

/** A transfer in which nothing moves for so long is cut: either side may hang, and each holds a connection of the other. */
const STALLED_MS = 60_000;

/** Held for a client that is slower than the source; a chunk is larger, so that it is one or two. */
const HELD_BYTES = 16 * 1024;

/**
 * Sends bytes as fast as the client takes them, and reads them no faster. A client that goes away ends the source; a source that
 * fails half-way (or is shorter than its `Content-Length`) ends the connection, so that nobody takes a part for the whole.
 * @throws whatever the source throws; the response is destroyed then
 */
export async function sendContent(
	source: AsyncIterable<Uint8Array>,
	response: ServerResponse,
	stalledMs = STALLED_MS,
): Promise<void> {
	// Node takes the time-out back when the next request begins.
	response.setTimeout(stalledMs, () => {
		response.destroy();
	});
	// A source that ends early, or late, would leave the client waiting, or the next answer in the wrong place.
	response.strictContentLength = true;
	try {
		await pipeline(source, toResponse(response, isRecyclable(source) ? source : undefined));
	} catch (error) {
		if (!(error instanceof ClientGone)) throw error;
	}
}

/** Nobody is left to be told. */
class ClientGone extends Error {}

/** A chunk is done with when the system has it, and not before: only then does its memory go back. */
function toResponse(response: ServerResponse, source: Recyclable | undefined): Writable {
	const outcome = (error: Error | null | undefined): Error | null => (error ? new ClientGone() : null);
	const writable = new Writable({
		highWaterMark: HELD_BYTES,
		write: (chunk: Uint8Array, _encoding, done) => {
			response.write(chunk, (error) => {
				source?.recycle(chunk);
				done(outcome(error));
			});
		},
		final: (done) => {
			response.end((error?: Error) => {
				done(outcome(error));
			});
		},
		destroy: (error, done) => {
			if (error !== null) response.destroy();
			done(error);
		},
	});
	response.once('close', () => {
		if (!response.writableFinished) writable.destroy(new ClientGone());
	});
	return writable;
}
