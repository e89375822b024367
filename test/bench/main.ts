import {parseArgs} from 'node:util';
import {measureBurst} from './measures/burst.ts';
import {measureCost} from './measures/cost.ts';
import {measureIsolation} from './measures/isolation.ts';
import {measureLatency} from './measures/latency.ts';
import {measureRest} from './measures/rest.ts';
import {measureSlow} from './measures/slow.ts';
import {measureStream} from './measures/stream.ts';
import {measureThroughput} from './measures/throughput.ts';
import {EMBEDDED, findServices, type Platform} from './platform.ts';
import type {Figure, Measure, Stage} from './stage.ts';

const USAGE = `npm run bench [-- [name …] [--embedded] [--services] [--quick]]
  names: throughput, latency, isolation, slow, burst, cost, stream (default: these), rest
  --embedded, --services: on this only; default both, where RabbitMQ, MongoDB and Redis answer at
      TEST_AMQP_URL, TEST_MONGODB_URL and TEST_REDIS_URL (default: their usual ports on this machine)
  --quick: smaller and shorter, to see that it works
  BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=/tmp/profile' profiles the program, a file for each of its processes`;

const MEASURES = {
	throughput: measureThroughput,
	latency: measureLatency,
	isolation: measureIsolation,
	slow: measureSlow,
	burst: measureBurst,
	cost: measureCost,
	stream: measureStream,
} as const satisfies Record<string, Measure>;

type Name = keyof typeof MEASURES;

async function main(): Promise<void> {
	const {values, positionals} = parseArgs({
		allowPositionals: true,
		options: {embedded: {type: 'boolean'}, services: {type: 'boolean'}, quick: {type: 'boolean'}},
	});
	if (positionals.includes('rest')) {
		await measureRest();
		return;
	}
	const names = positionals.length === 0 ? (Object.keys(MEASURES) as Name[]) : positionals.map(toName);
	const tables: {readonly platform: Platform; readonly figures: readonly Figure[]}[] = [];
	const services = await findServices(process.env);
	for (const platform of choosePlatforms(values, services)) {
		const stage: Omit<Stage, 'say'> = {
			platform,
			measureQuorum: services?.measurePublish,
			isQuick: values.quick === true,
			nodeOptions: process.env['BENCH_NODE_OPTIONS'] ?? '',
		};
		const figures: Figure[] = [];
		for (const name of names) {
			console.log(`${platform.name}: ${name} …`);
			figures.push(...(await MEASURES[name]({...stage, say})));
		}
		tables.push({platform, figures});
	}
	for (const {platform, figures} of tables) print(platform, figures);
}

function toName(text: string): Name {
	if (!(text in MEASURES)) throw new Error(`there is no bench ${text}\n${USAGE}`);
	return text as Name;
}

function choosePlatforms(
	wanted: {readonly embedded?: boolean | undefined; readonly services?: boolean | undefined},
	services: Platform | undefined,
): readonly Platform[] {
	const both = wanted.embedded === wanted.services;
	if (services === undefined && wanted.services === true) {
		throw new Error(`RabbitMQ, MongoDB or Redis does not answer\n${USAGE}`);
	}
	if (services === undefined && both) console.log('RabbitMQ, MongoDB or Redis does not answer: embedded only');
	return [
		...(both || wanted.embedded === true ? [EMBEDDED] : []),
		...(services !== undefined && (both || wanted.services === true) ? [services] : []),
	];
}

function say(progress: string): void {
	console.log(`  ${progress}`);
}

/** As Markdown, to be pasted. */
function print(platform: Platform, figures: readonly Figure[]): void {
	console.log(`\n| ${platform.name} | wanted | measured | |\n| --- | --- | --- | --- |`);
	for (const {what, wanted = '', measured, isMet} of figures) {
		const verdict = isMet === undefined ? '' : isMet ? 'met' : 'not met';
		console.log(`| ${what} | ${wanted} | ${measured} | ${verdict} |`);
	}
}

try {
	await main();
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
