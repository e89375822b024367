import {mkdtemp, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {RabbitMqNode} from '../support/rabbitmq-node.ts';
import type {ChaosOptions} from './options.ts';
import {report} from './report.ts';
import {runChaos} from './run-chaos.ts';
import {WHOLE} from './settings.ts';

/**
 * `npm run chaos -- [--minutes N] [--rate N] [--embedded|--services]`: faults for so long while events flow at a steady rate, then a
 * table. `--services` needs rabbitmq-server (a node of its own is started), TEST_MONGODB_URL and Redis (TEST_REDIS_URL, default the
 * local one). Without a flag: the embedded default, then services where they are there.
 */
const USAGE = 'npm run chaos -- [--minutes 10] [--rate 50] [--embedded|--services]';

const startedAtMs = performance.now();
const stop = new AbortController();

function say(line: string): void {
	console.log(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(5)} s  ${line}`);
}

function readArguments(): {minutes: number; rate: number; embedded: boolean; services: boolean} {
	const {values} = parseArgs({
		options: {
			minutes: {type: 'string', default: '1'},
			rate: {type: 'string', default: '50'},
			embedded: {type: 'boolean', default: false},
			services: {type: 'boolean', default: false},
		},
	});
	const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
	if (!(minutes > 0 && rate > 0)) throw new Error(`--minutes and --rate are positive numbers: ${USAGE}`);
	return {...values, minutes, rate};
}

/** What services need and is not here, as a line for people. */
function missingServices(): string | undefined {
	if (!RabbitMqNode.isInstalled()) {
		return 'rabbitmq-server is not installed (looked in /usr/lib/rabbitmq/bin and PATH; TEST_RABBITMQ_SERVER names another place)';
	}
	return process.env['TEST_MONGODB_URL'] === undefined ? 'TEST_MONGODB_URL is not set' : undefined;
}

async function main(): Promise<boolean> {
	const {minutes, rate, embedded, services} = readArguments();
	const options: ChaosOptions = {
		forMs: minutes * 60_000,
		eventsPerSecond: rate,
		...WHOLE,
		say,
		signal: stop.signal,
	};
	const missing = missingServices();
	if (services && missing !== undefined) throw new Error(missing);
	const results: boolean[] = [];
	if (!services || embedded) results.push(await run('embedded default', options));
	if (!embedded || services) {
		if (missing === undefined) {
			const urls = {
				mongodb: process.env['TEST_MONGODB_URL'] ?? '',
				redis: process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379',
			};
			results.push(await run('RabbitMQ + MongoDB + Redis', {...options, urls}));
		} else {
			console.log(`\nservices are left out: ${missing}`);
		}
	}
	return results.every(Boolean);
}

async function run(name: string, options: ChaosOptions): Promise<boolean> {
	console.log(`\n${name}`);
	const audit = await runChaos(options);
	console.log(`\n${report(audit)}`);
	if (audit.findings.length === 0) return true;
	const folder = await mkdtemp(join(tmpdir(), 'chaos-output-'));
	for (const [process, output] of audit.outputs) await writeFile(join(folder, `${process}.log`), output);
	console.log(`what the processes printed is in ${folder}`);
	return false;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
	process.on(signal, () => {
		say(`${signal}: ending what was started`);
		stop.abort(new Error(`broken off by ${signal}`));
	});
}
try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	// What was broken off fails with whatever it was about to do.
	const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
	console.error(reason instanceof Error ? reason.message : reason);
	process.exitCode = 1;
}
