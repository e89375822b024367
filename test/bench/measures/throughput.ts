import {setTimeout as sleep} from 'node:timers/promises';
import {Generator} from '../generator.ts';
import {usageOf} from '../process-usage.ts';
import type {Program} from '../program.ts';
import type {Arrivals, Sink} from '../sink.ts';
import {durationsOf, onStage, type Figure, type Stage} from '../stage.ts';

/** Of publish + confirm. */
const WANTED_SINGLE = 0.12;
/** Of bare POSTs. */
const WANTED_FANNED_OUT = 0.25;
const IN_FLIGHT = 100;
const FAN_OUT = 20;
const LIMIT_MS = 3000;

/**
 * 1 KB events as fast as they arrive, 100 in flight, for one webhook and for twenty; beside publish + confirm and bare POSTs to the same
 * sink, each measured right before and after.
 */
export async function measureThroughput(stage: Stage): Promise<readonly Figure[]> {
	const {platform, measureQuorum, say} = stage;
	const measurePublish = measureQuorum ?? platform.measurePublish;
	return onStage(stage, async (program, sink) => {
		const publishBefore = await measurePublish();
		const single = await drive(stage, program, sink, 1);
		const publish = (publishBefore + (await measurePublish())) / 2;
		say(`1 × 1: ${rate(single.perSecond)}; publish + confirm ${rate(publish)}`);
		const postsBefore = await measurePosts(sink);
		const fannedOut = await drive(stage, program, sink, FAN_OUT);
		const posts = (postsBefore + (await measurePosts(sink))) / 2;
		say(`1 × ${FAN_OUT}: ${rate(fannedOut.perSecond)}; bare POSTs ${rate(posts)}`);
		return [
			{
				what: `limit: publish + confirm, ${measureQuorum ? 'quorum queue' : 'embedded broker'}, window ${IN_FLIGHT}`,
				measured: rate(publish),
			},
			{what: 'limit: undici POST to the sink', measured: rate(posts)},
			{
				what: '1 event × 1 webhook, deliveries',
				measured: `${rate(single.perSecond)}, p50 ${single.p50Ms.toFixed(0)} ms, p99 ${single.p99Ms.toFixed(0)} ms`,
			},
			{what: 'CPU of the program per 1,000 events', measured: `${single.cpuSeconds.toFixed(2)} s`},
			// Wanted is what the quorum queue says: no other broker is a yardstick for it.
			ratio('… ÷ publish + confirm', single.perSecond / publish, measureQuorum && WANTED_SINGLE),
			{what: `1 event × ${FAN_OUT} webhooks, deliveries`, measured: rate(fannedOut.perSecond)},
			{what: 'CPU of the program per 1,000 deliveries', measured: `${fannedOut.cpuSeconds.toFixed(2)} s`},
			ratio('… ÷ bare POSTs', fannedOut.perSecond / posts, WANTED_FANNED_OUT),
		];
	});
}

/** Deliveries of a connection of its own. `cpuSeconds` = of the program, per 1,000 of them. */
async function drive(
	stage: Stage,
	program: Program,
	sink: Sink,
	webhooks: number,
): Promise<Arrivals & {readonly cpuSeconds: number}> {
	const line = await program.connect();
	const group = `times-${webhooks}`;
	for (let webhook = 0; webhook < webhooks; webhook++) {
		await program.addWebhook(line, {url: sink.url('ok', group), events: ['message']});
	}
	await using generator = new Generator({
		kind: 'loop',
		sources: [line.source('message')],
		inFlight: IN_FLIGHT,
		webhooks,
		reportPort: sink.reportPort,
	});
	const {warmUpMs, forMs} = durationsOf(stage);
	await sleep(warmUpMs);
	const cpuBefore = cpuOf(program);
	const arrivals = await sink.watch(group, {warmUpMs: 0, forMs});
	const cpuSeconds = ((cpuOf(program) - cpuBefore) / arrivals.count) * 1000;
	await generator.stop();
	return {...arrivals, cpuSeconds};
}

function cpuOf({processes}: Program): number {
	return processes.map(({pid}) => usageOf(pid).cpuSeconds).reduce((sum, seconds) => sum + seconds);
}

async function measurePosts(sink: Sink): Promise<number> {
	await using generator = new Generator({kind: 'post', url: sink.url('ok', 'posts'), inFlight: IN_FLIGHT});
	await sleep(LIMIT_MS);
	const {done, seconds} = await generator.stop();
	return done / seconds;
}

function ratio(what: string, value: number, wanted: number | undefined): Figure {
	const measured = value.toFixed(3);
	return wanted === undefined ? {what, measured} : {what, measured, wanted: `≥ ${wanted}`, isMet: value >= wanted};
}

function rate(perSecond: number): string {
	return `${Math.round(perSecond).toLocaleString('en')}/s`;
}
