import {Generator} from '../generator.ts';
import type {Line, Program} from '../program.ts';
import type {Arrivals, Sink} from '../sink.ts';
import {durationsOf, onStage, type Durations, type Figure, type Stage} from '../stage.ts';

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
 * Of what is compared. Attempts that hang are given up after 15 s, the second ten of a lane after 30 s, which opens its breaker; its first
 * probe comes 5 s later, and all the time deliveries that were parked come back: all of that is to be in the time that is measured.
 */
const COMPARED = {warmUpMs: 3000, forMs: 40_000};

/** The first ten hang in one run, the next ten drip in another; the rest answer always, and are what is measured. */
const MISBEHAVING = 10;
const HEALTHY = ENDPOINTS - 2 * MISBEHAVING;

interface Scene {
	readonly stage: Stage;
	readonly program: Program;
	readonly sink: Sink;
	readonly lines: readonly Line[];
	readonly webhookIds: readonly string[];
}

/** 100 connections with a webhook each, and how little the healthy ones notice when some of the others misbehave. */
export async function measureIsolation(stage: Stage): Promise<readonly Figure[]> {
	return onStage(stage, async (program, sink) => {
		const lines = await program.connectMany(ENDPOINTS);
		const webhookIds: string[] = [];
		for (const [index, line] of lines.entries()) {
			const url = sink.url('ok', index < 2 * MISBEHAVING ? 'others' : 'healthy');
			webhookIds.push(await program.addWebhook(line, {url, events: ['message']}));
		}
		const scene = {stage, program, sink, lines, webhookIds};
		const figures: Figure[] = [];
		for (const wanted of RATES) {
			figures.push(...(await compare(scene, await findSustained(scene, wanted))));
			await setBehaviour(scene, 0, 2 * MISBEHAVING, 'ok');
		}
		return figures;
	});
}

/** The highest of ever slower rates that arrives. */
async function findSustained(scene: Scene, wanted: number): Promise<number> {
	for (let rate = wanted; ; rate = Math.max(SLOWEST_RATE, Math.round(rate * NEXT_RATE))) {
		const arrivals = await run(scene, rate, durationsOf(scene.stage));
		const arrived = arrivals.perSecond / ((rate * HEALTHY) / ENDPOINTS);
		if (rate <= SLOWEST_RATE || (arrived >= SUSTAINED.share && arrivals.p99Ms <= SUSTAINED.p99Ms)) {
			return rate;
		}
		const share = `${Math.round(arrived * 100)} %`;
		scene.stage.say(`${rate}/s: ${share} arrived, p99 ${arrivals.p99Ms.toFixed(0)} ms: too much for this machine`);
		// What is late would be counted with the next rate.
		await scene.sink.whenQuiet('healthy');
	}
}

/** Runs with none misbehaving stand before and after the others: what they differ by is noise. */
async function compare(scene: Scene, rate: number): Promise<readonly Figure[]> {
	const rows: {readonly what: string; readonly arrivals: Arrivals}[] = [];
	const durations = scene.stage.isQuick ? durationsOf(scene.stage) : COMPARED;
	const before = await run(scene, rate, durations);
	scene.stage.say(`${rate}/s, none hanging`);
	const add = async (what: string): Promise<void> => {
		rows.push({what, arrivals: await run(scene, rate, durations)});
		scene.stage.say(`${rate}/s, ${what}`);
	};
	await setBehaviour(scene, 0, 1, 'hang');
	await add('one hanging');
	await setBehaviour(scene, 1, MISBEHAVING, 'hang');
	await add('ten hanging');
	await setBehaviour(scene, 0, MISBEHAVING, 'ok');
	await setBehaviour(scene, MISBEHAVING, 2 * MISBEHAVING, 'drip');
	await add('ten dripping');
	await setBehaviour(scene, MISBEHAVING, 2 * MISBEHAVING, 'ok');
	const after = await run(scene, rate, durations);
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

async function run({sink, lines}: Scene, perSecond: number, durations: Durations): Promise<Arrivals> {
	await using generator = new Generator({
		kind: 'pace',
		sources: lines.map((line) => line.source('message')),
		perSecond,
	});
	const arrivals = await sink.watch('healthy', durations);
	await generator.stop();
	return arrivals;
}

async function setBehaviour(
	{program, sink, webhookIds}: Scene,
	from: number,
	to: number,
	behaviour: 'ok' | 'hang' | 'drip',
): Promise<void> {
	for (const id of webhookIds.slice(from, to)) {
		await program.client.call('PUT', `/webhooks/${id}`, {url: sink.url(behaviour, 'others')});
	}
}
