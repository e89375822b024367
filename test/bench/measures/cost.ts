import {Generator} from '../generator.ts';
import {usageOf} from '../process-usage.ts';
import {durationsOf, onStage, type Figure, type Stage} from '../stage.ts';

const WEBHOOKS = {quick: [1, 100], full: [1, 100, 1000, 10_000]};
const PER_SECOND = 200;
/** Webhooks of a connection. Each wants an event of its own name, so that every event is one delivery. */
const PER_CONNECTION = 10;
/** At most this × what one webhook costs. */
const WANTED = 1.3;
const SIDE_BY_SIDE = 20;

interface Cost {
	readonly webhooks: number;
	readonly rssMb: number;
	readonly cpuMs: number;
}

/** What the process that delivers needs for 200 deliveries a second, to ever more webhooks; a fresh program for each number. */
export async function measureCost(stage: Stage): Promise<readonly Figure[]> {
	const costs: Cost[] = [];
	for (const webhooks of stage.isQuick ? WEBHOOKS.quick : WEBHOOKS.full) {
		const cost = await costOf(stage, webhooks);
		stage.say(`${webhooks} webhooks: ${cost.rssMb.toFixed(0)} MB, ${cost.cpuMs.toFixed(2)} ms CPU per delivery`);
		costs.push(cost);
	}
	const [one] = costs;
	return costs.map(({webhooks, rssMb, cpuMs}): Figure => {
		const what = `${webhooks.toLocaleString('en')} webhooks, ${PER_SECOND}/s: RSS, CPU per delivery`;
		const measured = `${rssMb.toFixed(0)} MB, ${cpuMs.toFixed(2)} ms`;
		if (one === undefined || webhooks === 1) return {what, measured};
		const rss = rssMb / one.rssMb;
		const cpu = cpuMs / one.cpuMs;
		return {
			what,
			measured: `${measured} (${rss.toFixed(2)} ×, ${cpu.toFixed(2)} ×)`,
			wanted: `≤ ${WANTED} × one`,
			isMet: rss <= WANTED && cpu <= WANTED,
		};
	});
}

function costOf(stage: Stage, webhooks: number): Promise<Cost> {
	return onStage(stage, async (program, sink) => {
		const lines = await program.connectMany(Math.ceil(webhooks / PER_CONNECTION));
		const names = Array.from({length: Math.min(webhooks, PER_CONNECTION)}, (_, index) => `bench.${index}`);
		const url = sink.url('ok', 'cost');
		const additions = lines.flatMap((line) =>
			names.map((name) => () => program.addWebhook(line, {url, events: [name]})),
		);
		while (additions.length > 0) await Promise.all(additions.splice(0, SIDE_BY_SIDE).map((add) => add()));
		await using generator = new Generator({
			kind: 'pace',
			sources: lines.map((line) => line.source(...names)),
			perSecond: PER_SECOND,
		});
		const {warmUpMs, forMs} = durationsOf(stage);
		await sink.watch('cost', {warmUpMs, forMs: 0});
		const {pid} = program.dispatcher;
		const before = usageOf(pid);
		const {count} = await sink.watch('cost', {warmUpMs: 0, forMs});
		const {cpuSeconds, rssMb} = usageOf(pid);
		await generator.stop();
		return {webhooks, rssMb, cpuMs: ((cpuSeconds - before.cpuSeconds) / count) * 1000};
	});
}
