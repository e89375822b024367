import {setTimeout as sleep} from 'node:timers/promises';
import {Generator} from '../generator.ts';
import {usageOf} from '../process-usage.ts';
import type {Program} from '../program.ts';
import type {Sink} from '../sink.ts';
import {durationsOf, onStage, type Figure, type Stage} from '../stage.ts';
import type {Source} from '../processes/generator.ts';

const EVENTS = {quick: 5000, full: 50_000};
const IN_FLIGHT = 100;
const WANTED_RSS_MB = 250;
/** Of the rate at which events arrive that are sent meanwhile. */
const WANTED_DRAIN = 0.8;
const SAMPLE_MS = 100;
const DRAIN_WITHIN_MS = 300_000;

/**
 * Events accepted while nobody works the webhook queue, and then drained by a fresh dispatcher. Needs roles in processes of their own,
 * so there is none on the embedded default: what receives is what sends there.
 */
export async function measureBurst(stage: Stage): Promise<readonly Figure[]> {
	if (stage.platform.processes.length === 1) {
		return [{what: 'burst', measured: 'not on the embedded default: its dispatcher cannot be stopped alone'}];
	}
	const events = stage.isQuick ? EVENTS.quick : EVENTS.full;
	return onStage(stage, async (program, sink) => {
		const line = await program.connect();
		await program.addWebhook(line, {url: sink.url('ok', 'burst'), events: ['message']});
		const source = line.source('message');
		const steady = await measureSteady(stage, sink, source);
		stage.say(`steady: ${Math.round(steady)}/s`);
		await program.dispatcher.stop();
		await using generator = new Generator({kind: 'fill', sources: [source], inFlight: IN_FLIGHT, events});
		const accepted = await generator.result;
		stage.say(`${accepted.done} events accepted in ${accepted.seconds.toFixed(0)} s`);
		const {perSecond, peakRssMb} = await drain(program, sink, accepted.done);
		const share = perSecond / steady;
		return [
			{what: 'events accepted with the dispatcher stopped', measured: accepted.done.toLocaleString('en')},
			{
				what: "dispatcher's RSS while draining, highest",
				measured: `${Math.round(peakRssMb)} MB`,
				wanted: `≤ ${WANTED_RSS_MB} MB`,
				isMet: peakRssMb <= WANTED_RSS_MB,
			},
			{
				what: 'drain rate ÷ steady rate',
				measured: `${share.toFixed(2)} (${Math.round(perSecond)}/s)`,
				wanted: `≥ ${WANTED_DRAIN}`,
				isMet: share >= WANTED_DRAIN,
			},
		];
	});
}

async function measureSteady(stage: Stage, sink: Sink, source: Source): Promise<number> {
	const {reportPort} = sink;
	await using generator = new Generator({
		kind: 'loop',
		sources: [source],
		inFlight: IN_FLIGHT,
		webhooks: 1,
		reportPort,
	});
	const {perSecond} = await sink.watch('burst', durationsOf(stage));
	await generator.stop();
	return perSecond;
}

/** Starts the dispatcher and watches it until so many events have arrived; its time counts from its first delivery. */
async function drain(
	{dispatcher}: Program,
	sink: Sink,
	events: number,
): Promise<{perSecond: number; peakRssMb: number}> {
	await sink.reset();
	const deadline = performance.now() + DRAIN_WITHIN_MS;
	await dispatcher.start();
	let peakRssMb = 0;
	let first: {readonly atMs: number; readonly count: number} | undefined;
	for (;;) {
		const {count} = await sink.read('burst');
		const nowMs = performance.now();
		peakRssMb = Math.max(peakRssMb, usageOf(dispatcher.pid).peakRssMb);
		if (count > 0) first ??= {atMs: nowMs, count};
		if (first !== undefined && count >= events) {
			return {perSecond: ((count - first.count) / (nowMs - first.atMs)) * 1000, peakRssMb};
		}
		if (nowMs > deadline) throw new Error(`only ${count} of ${events} events arrived`);
		await sleep(SAMPLE_MS);
	}
}
