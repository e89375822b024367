import {readFile} from 'node:fs/promises';
import {request} from 'node:http';
import {once} from 'node:events';
import {Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import type {IncomingMedia, MediaKey, StoredMedia} from '../../domain/ports/media-store.ts';
import {newToken} from '../../domain/tokens/token.ts';
import {ApiClient} from '../support/api-client.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';
import {MemoryMediaStore} from '../support/memory-media-store.ts';
import {WritingFixture} from '../support/writing-fixture.ts';

const MB = 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'QUJD');

/** What the sockets of both sides hold at most, on a machine with large buffers. */
const IN_SOCKETS_BYTES = 16 * MB;

const PARALLEL = 8;
const BODY_BYTES = 40 * MB;
/** Held in memory, the bodies alone would be 320 MB, and their text and their bytes as much again. */
const ALLOWED_GROWTH_BYTES = 120 * MB;

/** A disk of about 25 MB/s. */
class SlowMediaStore extends MemoryMediaStore {
	takenBytes = 0;

	override put(key: MediaKey, file: IncomingMedia): Promise<StoredMedia> {
		return super.put(key, {...file, content: this.#slowly(file.content)});
	}

	async *#slowly(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
		for await (const chunk of content) {
			await delay(2);
			this.takenBytes += chunk.length;
			yield chunk;
		}
	}
}

test('a client is only as fast as the store', async (t) => {
	const store = new SlowMediaStore({clock: new SystemClock()});
	await using fixture = await WritingFixture.create(store);
	let writtenBytes = 0;
	let maxAheadBytes = 0;
	const body = function* (): Generator<Buffer> {
		for (const chunk of bodyOf(49 * MB)) {
			writtenBytes += chunk.length;
			maxAheadBytes = Math.max(maxAheadBytes, writtenBytes - (store.takenBytes / 3) * 4);
			yield chunk;
		}
	};
	const {status} = await post(`${fixture.url}/api/connections/${fixture.connectionId}/send-image`, body(), {
		authorization: `Bearer ${fixture.tenant.token}`,
	});
	t.is(status, 201);
	t.true(store.takenBytes > 36 * MB);
	t.true(maxAheadBytes < IN_SOCKETS_BYTES, `the client was ${Math.round(maxAheadBytes / MB)} MB ahead`);
});

test('eight uploads of 40 MB at once need little memory', async (t) => {
	await using folder = await createTemporaryFolder();
	const token = newToken();
	await using gateway = await GatewayProcess.start({env: {DATA_DIR: folder.path, BOOTSTRAP_TOKEN: token}});
	const {id} = await new ApiClient(gateway.url, token).call<{id: string}>('POST', '/connections');
	// What follows the file is wrong: nothing is sent, and all that happens is the upload.
	const upload = (): Promise<{status: number}> =>
		post(`${gateway.url}/api/connections/${id}/send-image`, bodyOf(BODY_BYTES, 'nobody'), {
			authorization: `Bearer ${token}`,
		});
	await upload();

	const before = await residentBytes(gateway.pid);
	let peak = before;
	const uploads = Promise.all(Array.from({length: PARALLEL}, upload));
	const measuring = setInterval(() => {
		void residentBytes(gateway.pid).then((bytes) => {
			peak = Math.max(peak, bytes);
		});
	}, 10);
	const answers = await uploads;
	clearInterval(measuring);
	t.deepEqual(
		answers,
		Array.from({length: PARALLEL}, () => ({status: 400})),
	);
	const growth = peak - before;
	t.log(`${Math.round(before / MB)} MB before, ${Math.round(growth / MB)} MB more at the peak`);
	t.true(growth < ALLOWED_GROWTH_BYTES, `${Math.round(growth / MB)} MB more`);
});

/** A send with an upload, `sizeBytes` in all. */
function* bodyOf(sizeBytes: number, chatId = '15550110000'): Generator<Buffer> {
	yield Buffer.from('{"data":"');
	for (let sent = 0; sent < sizeBytes; sent += CHUNK.length) yield CHUNK;
	yield Buffer.from(`","chatId":"${chatId}"}`);
}

async function post(url: string, body: Iterable<Buffer>, headers: Record<string, string>): Promise<{status: number}> {
	const sending = request(url, {method: 'POST', headers: {'content-type': 'application/json', ...headers}});
	const answered = once(sending, 'response') as Promise<[Parameters<typeof text>[0] & {statusCode: number}]>;
	Readable.from(body, {objectMode: false}).pipe(sending);
	const [response] = await answered;
	await text(response);
	return {status: response.statusCode};
}

async function residentBytes(pid: number): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1024;
}
