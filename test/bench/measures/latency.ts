import {Generator} from '../generator.ts';
import {durationsOf, onStage, type Figure, type Stage} from '../stage.ts';

const RATES = [50, 200];
const WANTED = {p50Ms: 5, p99Ms: 20};

/** From the first byte of an event's way in to its arrival at the receiver, at steady rates, one webhook. */
export async function measureLatency(stage: Stage): Promise<readonly Figure[]> {
	return onStage(stage, async (program, sink) => {
		const line = await program.connect();
		await program.addWebhook(line, {url: sink.url('ok', 'latency'), events: ['message']});
		const figures: Figure[] = [];
		for (const perSecond of RATES) {
			await using generator = new Generator({kind: 'pace', sources: [line.source('message')], perSecond});
			const {p50Ms, p99Ms} = await sink.watch('latency', durationsOf(stage));
			await generator.stop();
			figures.push({
				what: `ingest → arrival at ${perSecond}/s`,
				measured: `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
				wanted: `≤ ${WANTED.p50Ms} / ${WANTED.p99Ms} ms`,
				isMet: p50Ms <= WANTED.p50Ms && p99Ms <= WANTED.p99Ms,
			});
		}
		return figures;
	});
}
