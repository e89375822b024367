import {Generator} from '../generator.ts';
import type {Arrivals, Sink} from '../sink.ts';
import {durationsOf, onStage, type Figure, type Stage} from '../stage.ts';

const ENDPOINTS = 100;
const RATES = [200, 1000];
/** At most this × the p99 of the run in which nothing hangs … */
const WANTED_P99 = 1.1;
/** … and at least this × its throughput. */
const WANTED_THROUGHPUT = 0.98;

/** A rate is sustained when so much of it arrives, not later than this. */
const SUSTAINED = {share: 0.97, p99Ms: 1000};
/** What was too fast is tried again at this × the rate. */
const NEXT_RATE = 0.7;
const SLOWEST_RATE = 200;

/**
 * Attempts that hang are given up after 15 s, the second ten of a lane after 30 s, which opens its breaker; its first probe comes 5 s
 * later, and all the time deliveries that were parked come back: all of that is to be in the time that is measured.
 */
const DURATIONS = {warmUpMs: 10_000, forMs: 35_000};

/** The first ten hang in one run, the next ten drip in another; the rest answer always, and are what is measured. */
const MISBEHAVING = 10;
const HEALTHY = ENDPOINTS - 2 * MISBEHAVING;

/** How many of those that may misbehave do so, and how. */
interface Trouble {
	readonly behaviour: 'hang' | 'drip';
	readonly endpoints: number;
}

const TROUBLES: readonly (Trouble & {readonly what: string})[] = [
	{what: 'one hanging', behaviour: 'hang', endpoints: 1},
	{what: 'ten hanging', behaviour: 'hang', endpoints: MISBEHAVING},
	{what: 'ten dripping', behaviour: 'drip', endpoints: MISBEHAVING},
];

/** 100 connections with a webhook each, and how little the healthy ones notice when some of the others misbehave. */
export async function measureIsolation(stage: Stage): Promise<readonly Figure[]> {
	const figures: Figure[] = [];
	for (const wanted of RATES) {
		const {rate, arrivals} = await findSustained(stage, wanted);
		figures.push(...(await compare(stage, rate, arrivals)));
	}
	return figures;
}

/** The highest of ever slower rates that arrives. */
async function findSustained(stage: Stage, wanted: number): Promise<{rate: number; arrivals: Arrivals}> {
	for (let rate = wanted; ; rate = Math.max(SLOWEST_RATE, Math.round(rate * NEXT_RATE))) {
		const arrivals = await run(stage, rate);
		const arrived = arrivals.perSecond / ((rate * HEALTHY) / ENDPOINTS);
		if (rate <= SLOWEST_RATE || (arrived >= SUSTAINED.share && arrivals.p99Ms <= SUSTAINED.p99Ms)) {
			stage.say(`${rate}/s, none hanging`);
			return {rate, arrivals};
		}
		const share = `${Math.round(arrived * 100)} %`;
		stage.say(`${rate}/s: ${share} arrived, p99 ${arrivals.p99Ms.toFixed(0)} ms: too much for this machine`);
	}
}

/** Runs with none misbehaving stand before and after the others: what they differ by is noise. */
async function compare(stage: Stage, rate: number, before: Arrivals): Promise<readonly Figure[]> {
	const rows: {readonly what: string; readonly arrivals: Arrivals}[] = [];
	for (const {what, ...trouble} of TROUBLES) {
		rows.push({what, arrivals: await run(stage, rate, trouble)});
		stage.say(`${rate}/s, ${what}`);
	}
	const after = await run(stage, rate);
	const p99Ms = (before.p99Ms + after.p99Ms) / 2;
	const perSecond = (before.perSecond + after.perSecond) / 2;
	return [
		{
			what: `${rate}/s to ${ENDPOINTS} endpoints, none hanging (before and after)`,
			measured: `p99 ${before.p99Ms.toFixed(1)} and ${after.p99Ms.toFixed(1)} ms`,
		},
		...rows.map(({what, arrivals}): Figure => {
			const latency = arrivals.p99Ms / p99Ms;
			const throughput = arrivals.perSecond / perSecond;
			return {
				what: `${rate}/s, ${what}: healthy p99, throughput`,
				measured: `${latency.toFixed(2)} ×, ${throughput.toFixed(3)} ×`,
				wanted: `≤ ${WANTED_P99} ×, ≥ ${WANTED_THROUGHPUT} ×`,
				isMet: latency <= WANTED_P99 && throughput >= WANTED_THROUGHPUT,
			};
		}),
	];
}

/** On a stage of its own: what one run left parked is no load of the next. */
function run(stage: Stage, perSecond: number, trouble?: Trouble): Promise<Arrivals> {
	return onStage(stage, async (program, sink) => {
		const lines = await program.connectMany(ENDPOINTS);
		for (const [index, line] of lines.entries()) {
			await program.addWebhook(line, {url: urlOf(sink, index, trouble), events: ['message']});
		}
		await using generator = new Generator({
			kind: 'pace',
			sources: lines.map((line) => line.source('message')),
			perSecond,
		});
		const arrivals = await sink.watch('healthy', stage.isQuick ? durationsOf(stage) : DURATIONS);
		await generator.stop();
		return arrivals;
	});
}

/** The second ten are those that drip. */
function urlOf(sink: Sink, index: number, trouble: Trouble | undefined): string {
	if (index >= 2 * MISBEHAVING) {
		return sink.url('ok', 'healthy');
	}
	const first = trouble?.behaviour === 'drip' ? MISBEHAVING : 0;
	const isTrouble = trouble !== undefined && index >= first && index < first + trouble.endpoints;
	return sink.url(isTrouble ? trouble.behaviour : 'ok', 'others');
}
