import fc from 'fast-check';
import {Pool, type Dispatcher} from 'undici';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import type {ApiContract, DocumentedOperation} from './api-contract.ts';
import type {GatewayHarness} from './gateway-harness.ts';

/** One generated request. */
export interface FuzzRequest {
	readonly operation: DocumentedOperation;
	/** With its query. */
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | Buffer | undefined;
}

/** What the state of a connection explains; whoever sends a request cannot prevent it. */
const EXPLAINED = new Set(['QR_NOT_READY', 'SESSION_STARTING', 'SESSION_NOT_FOUND', 'NO_WORKER_AVAILABLE']);

const IN_FLIGHT = 16;

/**
 * How many requests, made of which seed: the same ones each time, so that what passes once passes again. `FUZZ_RUNS`
 * extends them, and another `FUZZ_SEED` makes others.
 */
export function fuzzSettings(runs: number): {readonly runs: number; readonly seed: number} {
	return {
		runs: Number(process.env['FUZZ_RUNS'] ?? runs),
		seed: Number(process.env['FUZZ_SEED'] ?? 20_260_327),
	};
}

/** Sends generated requests and collects what no client's bytes may cause. */
export async function fuzz(
	requests: fc.Arbitrary<FuzzRequest>,
	{gateway, contract, runs, seed}: {gateway: GatewayHarness; contract: ApiContract; runs: number; seed: number},
): Promise<{readonly faults: readonly string[]; readonly byStatus: Readonly<Record<string, number>>}> {
	const faults: string[] = [];
	const byStatus: Record<string, number> = {};
	const pool = new Pool(gateway.url, {connections: IN_FLIGHT, headersTimeout: 60_000});
	// In portions, so that not all of them are in memory at once; each has a seed of its own that follows from the first.
	for (let done = 0; done < runs; done += 1000) {
		const queue = fc.sample(requests, {numRuns: Math.min(1000, runs - done), seed: seed + done}).values();
		const work = async (): Promise<void> => {
			for (const request of queue) {
				const answer = await send(pool, request);
				byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1;
				const fault = faultOf(contract, request, answer);
				if (fault !== undefined) faults.push(`${describe(request)}\n  ${fault}`);
			}
		};
		await Promise.all(Array.from({length: IN_FLIGHT}, work));
	}
	await pool.close();
	for (const {fields, event} of gateway.log.entries.filter(({level}) => level === 'error')) {
		faults.push(
			`logged as an error: ${event} ${JSON.stringify(fields)} ${String((fields['error'] as Error | undefined)?.stack)}`,
		);
	}
	return {faults, byStatus};
}

interface Answer {
	readonly status: number;
	readonly headers: Headers;
	readonly text: string;
}

async function send(pool: Pool, {operation, path, headers, body}: FuzzRequest): Promise<Answer> {
	const method = operation.method.toUpperCase();
	const answer = await pool.request({method, path, headers, body: body ?? null});
	const shown = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
	return {status: answer.statusCode, headers: new Headers(shown), text: await readText(answer)};
}

/** Of a stream, which does not end, only what comes first. */
async function readText({headers, body}: Dispatcher.ResponseData): Promise<string> {
	if (!String(headers['content-type']).startsWith('text/event-stream')) return body.text();
	body.on('error', () => undefined);
	const first = (await body[Symbol.asyncIterator]().next()) as IteratorResult<Buffer>;
	body.destroy();
	return first.done === true ? '' : first.value.toString();
}

function faultOf(contract: ApiContract, {operation}: FuzzRequest, answer: Answer): string | undefined {
	const {status, text} = answer;
	if (status >= 500 && status !== 501) {
		const {code} = JSON.parse(text) as ErrorBody;
		if (status !== 503 || !EXPLAINED.has(code)) return `${status} ${text}`;
	}
	// What the path has become may be no operation at all.
	if (status === 404 && text.includes('"ROUTE_NOT_FOUND"')) return undefined;
	const faults = contract.faultsOfAnswer(operation, answer);
	return faults.length === 0
		? undefined
		: `${status} is not as documented: ${faults.slice(0, 3).join('; ')}: ${text.slice(0, 300)}`;
}

function describe({operation, path, headers, body}: FuzzRequest): string {
	const shown = Buffer.isBuffer(body) ? `base64 ${body.toString('base64')}` : String(body);
	return `${operation.method.toUpperCase()} ${path} ${JSON.stringify({...headers, authorization: '…'})} ${shown.slice(0, 500)}`;
}
