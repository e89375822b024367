import {fork} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Pool} from 'undici';
import {ApiClient} from '../../support/api-client.ts';
import {GatewayProcess} from '../../support/gateway-process.ts';
import {medianOf} from '../../support/median-of.ts';
import {usageOf} from '../process-usage.ts';

const ROWS = 10;
const ROUNDS = 5;
const ROUND_MS = (Number(process.env['BENCH_SECONDS'] ?? 10) * 1000) / ROUNDS;
const IN_FLIGHT = 32;
const PATH = '/api/connections';

interface Contender {
	readonly name: string;
	readonly pid: number;
	readonly pool: Pool;
	readonly headers: Readonly<Record<string, string>>;
}

interface Round {
	readonly perSecond: number;
	/** Of the server, per request. */
	readonly cpuMs: number;
}

/**
 * GET /connections with 10 rows beside a bare express handler that answers the same body: each in a process of its own, in turns.
 * The generator is this process; on two cores it takes one of them.
 */
export async function measureRest(): Promise<void> {
	await using resources = new AsyncDisposableStack();
	const ours = await startGateway(resources);
	const {body} = await ours.pool.request({path: PATH, method: 'GET', headers: ours.headers});
	const bare = await startBareExpress(await body.json(), resources);
	for (const contender of [ours, bare]) await drive(contender, 2000);
	const rounds: {ours: Round; bare: Round}[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		rounds.push({ours: await drive(ours, ROUND_MS), bare: await drive(bare, ROUND_MS)});
	}
	for (const which of ['ours', 'bare'] as const) {
		const perSecond = medianOf(rounds.map((round) => round[which].perSecond));
		const cpuMs = medianOf(rounds.map((round) => round[which].cpuMs));
		print(
			which === 'ours' ? 'GET /connections, 10 rows' : 'bare express, same body',
			`${Math.round(perSecond)}/s, ${cpuMs.toFixed(3)} ms CPU each`,
		);
	}
	print('ours ÷ bare express', medianOf(rounds.map((round) => round.ours.perSecond / round.bare.perSecond)).toFixed(2));
	print(
		'CPU added',
		`${medianOf(rounds.map((round) => round.ours.cpuMs - round.bare.cpuMs)).toFixed(3)} ms per request`,
	);
}

async function startGateway(resources: AsyncDisposableStack): Promise<Contender> {
	const dataDir = await mkdtemp(join(tmpdir(), 'bench-'));
	resources.defer(() => rm(dataDir, {recursive: true, force: true}));
	const token = `wh_${randomBytes(24).toString('hex')}`;
	const env = {
		DATA_DIR: dataDir,
		BOOTSTRAP_TOKEN: token,
		RATE_LIMIT_PER_MINUTE: '1000000',
		LOG_LEVEL: 'warn',
		NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '',
	};
	const gateway = resources.use(await GatewayProcess.start({env}));
	const client = new ApiClient(gateway.url, token);
	for (let row = 0; row < ROWS; row++) await client.call('POST', '/connections', {name: `Shop ${row}`});
	const pool = resources.use(poolOf(gateway.url));
	return {name: 'ours', pid: gateway.pid, pool, headers: {authorization: `Bearer ${token}`}};
}

async function startBareExpress(body: unknown, resources: AsyncDisposableStack): Promise<Contender> {
	const child = resources.adopt(fork(join(import.meta.dirname, '../processes/bare-express.ts')), (process) => {
		process.disconnect();
	});
	child.send(body as object);
	const [port] = (await once(child, 'message')) as [number];
	const pool = resources.use(poolOf(`http://127.0.0.1:${port}`));
	return {name: 'bare', pid: child.pid ?? 0, pool, headers: {authorization: 'Bearer x'}};
}

function poolOf(url: string): Pool & AsyncDisposable {
	const pool = new Pool(url, {connections: IN_FLIGHT});
	return Object.assign(pool, {[Symbol.asyncDispose]: () => pool.destroy()});
}

async function drive({pid, pool, headers}: Contender, forMs: number): Promise<Round> {
	const before = usageOf(pid);
	const startedAt = performance.now();
	let done = 0;
	const work = async (): Promise<void> => {
		while (performance.now() - startedAt < forMs) {
			const {statusCode, body} = await pool.request({path: PATH, method: 'GET', headers});
			await body.dump();
			if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
			done++;
		}
	};
	await Promise.all(Array.from({length: IN_FLIGHT}, work));
	const seconds = (performance.now() - startedAt) / 1000;
	const cpuSeconds = usageOf(pid).cpuSeconds - before.cpuSeconds;
	return {perSecond: done / seconds, cpuMs: (cpuSeconds * 1000) / done};
}

function print(what: string, value: string): void {
	console.log(`  ${what.padEnd(32)} ${value}`);
}
