import {connect} from 'node:net';
import fc from 'fast-check';
import test from 'ava';
import {fuzzSettings} from '../support/fuzz-run.ts';
import {FuzzWorld} from '../support/fuzz-world.ts';

const {runs, seed} = fuzzSettings(5000);
const world = await FuzzWorld.create();
const port = Number(new URL(world.gateway.url).port);

test.after.always(() => world[Symbol.asyncDispose]());

const IN_FLIGHT = 32;
/** What is not complete gets no answer before the server's own time-out; nobody waits for that. */
const PATIENCE_MS = 300;

const BODIES = [
	'{"name":"Shop"}',
	'{"chatId":"15550110000","text":"Hello","skipPresence":true}',
	'{"chatId":"15550110000","data":"iVBORw0KGgo=","caption":"x","skipPresence":true}',
	'{"url":"http://127.0.0.1:9/","events":["none"]}',
	'name=Shop&chatId=15550110000&data=iVBORw0KGgo%3D&skipPresence=1',
];

/** A whole request as bytes. */
const wellFormed: fc.Arbitrary<Buffer> = world
	.operation()
	.chain((operation) =>
		fc.record({
			operation: fc.constant(operation),
			body: fc.constantFrom(...BODIES),
			type: fc.constantFrom(
				'application/json',
				'application/x-www-form-urlencoded',
				'application/json; charset=utf-16',
				'x/y',
			),
			chunked: fc.boolean(),
		}),
	)
	.map(({operation, body, type, chunked}) => {
		const head = [
			`${operation.method.toUpperCase()} ${world.path(operation)} HTTP/1.1`,
			'Host: gateway.example',
			'Connection: close',
			`Authorization: Bearer ${world.token}`,
			`Content-Type: ${type}`,
			chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${Buffer.byteLength(body)}`,
		];
		const sent = chunked ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
		return Buffer.from(`${head.join('\r\n')}\r\n\r\n${sent}`);
	});

/** Some of its bytes changed, taken out or put in. */
const requests: fc.Arbitrary<Buffer> = fc
	.tuple(
		wellFormed,
		fc.array(
			fc.record({at: fc.double({min: 0, max: 1, noNaN: true}), bytes: fc.uint8Array({maxLength: 3}), drop: fc.nat(3)}),
			{maxLength: 2},
		),
	)
	.map(([request, changes]) =>
		changes.reduce((bytes, {at, bytes: inserted, drop}) => {
			const place = Math.floor(at * bytes.length);
			return Buffer.concat([bytes.subarray(0, place), inserted, bytes.subarray(place + drop)]);
		}, request),
	);

/** What the server says until it ends the connection, or has been silent for a while. */
function exchange(bytes: Buffer): Promise<string> {
	return new Promise((resolve) => {
		const chunks: Buffer[] = [];
		const socket = connect(port, '127.0.0.1');
		socket.setTimeout(PATIENCE_MS, () => socket.destroy());
		socket.on('data', (chunk: Buffer) => chunks.push(chunk));
		socket.on('error', () => undefined);
		socket.once('close', () => {
			resolve(Buffer.concat(chunks).toString());
		});
		socket.write(bytes);
	});
}

test(`no bytes on a connection make the server fail (FUZZ_SEED=${seed}, FUZZ_RUNS=${runs})`, async (t) => {
	t.timeout(240_000);
	const queue = fc.sample(requests, {numRuns: runs, seed}).values();
	const byStatus: Record<string, number> = {};
	const faults: string[] = [];
	const work = async (): Promise<void> => {
		for (const bytes of queue) {
			const answer = await exchange(bytes);
			const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 'none';
			byStatus[status] = (byStatus[status] ?? 0) + 1;
			const explained =
				status === '501' || (status === '503' && /"(QR_NOT_READY|SESSION_\w+|NO_WORKER_AVAILABLE)"/.test(answer));
			if (status >= '500' && status !== 'none' && !explained)
				faults.push(`${JSON.stringify(bytes.toString('latin1'))}: ${answer}`);
			if (status >= '400' && status !== 'none' && !answer.includes('"requestId"'))
				faults.push(`not an error's shape: ${answer}`);
		}
	};
	await Promise.all(Array.from({length: IN_FLIGHT}, work));
	t.log(byStatus);
	t.deepEqual(faults.slice(0, 10), []);
	t.true((byStatus['400'] ?? 0) > runs / 20);
	t.is((await fetch(`${world.gateway.url}/api`)).status, 200);
	t.deepEqual(
		world.gateway.log.entries.filter(({level}) => level === 'error'),
		[],
	);
});
