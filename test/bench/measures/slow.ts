import {Generator} from '../generator.ts';
import {durationsOf, onStage, type Figure, type Stage} from '../stage.ts';

/** How many deliveries at once, and what a receiver that takes 100 ms for each should get in a second. */
const CASES = [
	{concurrency: 10, inFlight: 60, wanted: 95},
	{concurrency: 100, inFlight: 300, wanted: 900},
];

/** A receiver that takes 100 ms, with one webhook. */
export async function measureSlow(stage: Stage): Promise<readonly Figure[]> {
	return onStage(stage, async (program, sink) => {
		const figures: Figure[] = [];
		for (const {concurrency, inFlight, wanted} of CASES) {
			const line = await program.connect();
			const group = `slow-${concurrency}`;
			await program.addWebhook(line, {url: sink.url('slow', group), events: ['message'], concurrency});
			const {reportPort} = sink;
			const sources = [line.source('message')];
			await using generator = new Generator({kind: 'loop', sources, inFlight, webhooks: 1, reportPort});
			const {perSecond} = await sink.watch(group, durationsOf(stage));
			await generator.stop();
			figures.push({
				what: `receiver of 100 ms, ${concurrency} at once`,
				measured: `${perSecond.toFixed(0)}/s`,
				wanted: `≥ ${wanted}/s`,
				isMet: perSecond >= wanted,
			});
		}
		return figures;
	});
}
