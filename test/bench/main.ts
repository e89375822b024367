import {fork, type ChildProcess} from 'node:child_process';
import {randomBytes, randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createTopology} from '../../config/topology.ts';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import {ApiClient} from '../support/api-client.ts';
import {eventually} from '../support/eventually.ts';
import {FakeWaha} from '../support/fake-waha.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {removeTopology} from '../support/remove-topology.ts';
import type {GeneratorResult, GeneratorTask} from './generator.ts';
import {measureEmbedded, measureRabbitMq, type BrokerLimits} from './limits.ts';
import {usageOf} from './process-usage.ts';
import {measureRest} from './rest.ts';

/**
 * `npm run bench [-- embedded|services|rest]`: ingest → delivered, 1 KB events, one webhook, 100 in flight, beside the raw limits of the
 * same run. `services` needs TEST_AMQP_URL, TEST_MONGODB_URL and TEST_REDIS_URL (defaults: local ones; MongoDB must be named).
 * `rest`: a route beside a bare express handler (see `rest.ts`).
 */
const IN_FLIGHT = 100;
const WARM_UP_MS = 2000;
const MEASURE_MS = Number(process.env['BENCH_SECONDS'] ?? 10) * 1000;
const EVENT_BYTES = 1024;

interface Sink {
	readonly httpPort: number;
	readonly reportPort: number;
}

async function main(): Promise<void> {
	const wanted = process.argv[2];
	if (wanted === 'rest') {
		await measureRest();
		return;
	}
	await using resources = new AsyncDisposableStack();
	const sinkProcess = resources.adopt(forkScript('sink.ts'), end);
	const [sink] = (await once(sinkProcess, 'message')) as [Sink];
	const posts = await generate({
		kind: 'post',
		url: `http://127.0.0.1:${sink.httpPort}/`,
		inFlight: IN_FLIGHT,
		measureMs: 3000,
		size: EVENT_BYTES,
	});
	print('limit: undici POST to the sink', `${rate(posts)}/s`);
	if (wanted !== 'services') {
		const limits = await measureEmbedded();
		await measure('embedded', {}, limits, sink);
	}
	if (wanted !== 'embedded') {
		await measureServices(sink);
	}
}

async function measureServices(sink: Sink): Promise<void> {
	const amqpUrl = process.env['TEST_AMQP_URL'] ?? 'amqp://127.0.0.1:5672';
	const mongodbUrl = process.env['TEST_MONGODB_URL'];
	const redisUrl = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';
	if (mongodbUrl === undefined) {
		print('services', 'left out: set TEST_MONGODB_URL (and start RabbitMQ and Redis)');
		return;
	}
	const limits = await measureRabbitMq(amqpUrl);
	const namespace = `bench-${randomUUID().slice(0, 8)}`;
	const env = {
		AMQP_URL: amqpUrl,
		MONGODB_URL: `${mongodbUrl}/bench_${randomBytes(4).toString('hex')}`,
		REDIS_URL: redisUrl,
		NAMESPACE: namespace,
		ENCRYPTION_KEY: randomBytes(32).toString('hex'),
	};
	try {
		await measure('RabbitMQ + MongoDB + Redis', env, limits, sink);
	} finally {
		await removeTopology(amqpUrl, createTopology(namespace));
	}
}

async function measure(name: string, env: Record<string, string>, limits: BrokerLimits, sink: Sink): Promise<void> {
	console.log(`\n${name}`);
	print('limit: publish + confirm', `${Math.round(limits.publishPerSecond)}/s (window 100)`);
	print('limit: consume + ack', `${Math.round(limits.consumePerSecond)}/s`);
	await using resources = new AsyncDisposableStack();
	const dataDir = await mkdtemp(join(tmpdir(), 'bench-'));
	resources.defer(() => rm(dataDir, {recursive: true, force: true}));
	const waha = resources.use(await FakeWaha.start({engine: 'NOWEB'}));
	const secret = randomBytes(32).toString('hex');
	const token = `wh_${randomBytes(24).toString('hex')}`;
	const gateway = resources.use(
		await GatewayProcess.start({
			env: {
				DATA_DIR: dataDir,
				BOOTSTRAP_TOKEN: token,
				INGESTION_SECRET: secret,
				WAHA_WORKERS: `${waha.url.replace('http://', `http://bench:${waha.apiKey}@`)}?engine=NOWEB`,
				LOG_LEVEL: 'warn',
				// For a profile of the program alone: BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=/tmp/profile'.
				NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '',
				...env,
			},
		}),
	);
	await gateway.stop();
	print('start to first answer', `${Math.round(await gateway.start())} ms`);
	print('RSS idle', `${Math.round(usageOf(gateway.pid).rssMb)} MB`);
	const session = await prepare(new ApiClient(gateway.url, token), waha, sink);
	const before = usageOf(gateway.pid);
	const startedAt = performance.now();
	const result = await generate({
		kind: 'ingest',
		url: `${gateway.url}/api/events/waha/bench/${session}`,
		session,
		key: ingestionKey(secret, session),
		reportPort: sink.reportPort,
		inFlight: IN_FLIGHT,
		warmUpMs: WARM_UP_MS,
		measureMs: MEASURE_MS,
		webhooks: 1,
		size: EVENT_BYTES,
	});
	const seconds = (performance.now() - startedAt) / 1000;
	const after = usageOf(gateway.pid);
	print('events', `${rate(result)}/s`);
	print('ingest → delivered', `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`);
	const events = (result.done / result.seconds) * seconds;
	print('CPU', `${(((after.cpuSeconds - before.cpuSeconds) / events) * 1000).toFixed(2)} s per 1,000 events`);
	print('RSS peak', `${Math.round(after.peakRssMb)} MB`);
	print('ours ÷ publish + confirm', (result.done / result.seconds / limits.publishPerSecond).toFixed(3));
}

/** A linked connection with one webhook. @returns the session's name */
async function prepare(client: ApiClient, waha: FakeWaha, sink: Sink): Promise<string> {
	const {id, sessionName} = await client.call<{id: string; sessionName: string}>('POST', '/connections', {
		name: 'bench',
	});
	await eventually(() => waha.session(sessionName).status === 'SCAN_QR_CODE');
	await client.call('POST', `/connections/${id}/webhooks`, {
		url: `http://127.0.0.1:${sink.httpPort}/`,
		events: ['message'],
	});
	return sessionName;
}

async function generate(task: GeneratorTask): Promise<GeneratorResult> {
	const generator = forkScript('generator.ts');
	try {
		generator.send(task);
		const ended = once(generator, 'exit').then(() => {
			throw new Error('the generator ended without a result');
		});
		const [result] = (await Promise.race([once(generator, 'message'), ended])) as [GeneratorResult];
		return result;
	} finally {
		end(generator);
	}
}

function forkScript(name: string): ChildProcess {
	return fork(join(import.meta.dirname, name), {execArgv: ['--disable-warning=ExperimentalWarning']});
}

function end(child: ChildProcess): void {
	if (child.connected) child.disconnect();
}

function rate({done, seconds}: GeneratorResult): number {
	return Math.round(done / seconds);
}

function print(what: string, value: string): void {
	console.log(`  ${what.padEnd(32)} ${value}`);
}

await main();
