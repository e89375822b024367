import {medianOf} from '../support/median-of.ts';
import type {Audit} from './audit.ts';
import type {Order} from './order.ts';

/** A run as a table for people. */
export function report({
	findings,
	ledger,
	lost,
	repeats,
	windows,
	recoveries,
	order,
	replays,
	settledMs,
}: Audit): string {
	const {posts, arrivals} = ledger;
	const count = (end: string): number => arrivals.filter((arrival) => arrival.end === end).length;
	const total = repeats.byFault.reduce((sum, fault) => sum + fault.repeats, 0) + repeats.unexplained.length;
	const rows = Map.groupBy(recoveries, ({fault}) => fault.name.replace(/ \d$/, ''));
	const lines = [...rows].map(([name, group]) => {
		const counts = repeats.byFault.filter(({fault}) => group.some((recovery) => recovery.fault === fault));
		const sum = (key: 'inFlight' | 'repeats'): string =>
			counts.length === 0 ? '–' : String(counts.reduce((before, one) => before + one[key], 0));
		const restarts = group.flatMap(({fault}) => fault.restartMs ?? []);
		return [
			name,
			String(group.length),
			sum('inFlight'),
			sum('repeats'),
			spread(group.map(({resumedMs}) => resumedMs)),
			spread(group.map(({caughtUpMs}) => caughtUpMs)),
			restarts.length === 0 ? '–' : spread(restarts),
		];
	});
	const head = ['fault', 'times', 'in flight', 'repeats', 'resumed', 'caught up', 'restarted'];
	return [
		...table([head, ...lines]),
		'(seconds, median / worst; resumed and caught up are counted from the end of the fault, other faults included)',
		'',
		`${posts.length} events, ${posts.filter(({acceptedAtMs}) => acceptedAtMs !== undefined).length} accepted`,
		`${arrivals.length} arrivals: ${count('accepted')} accepted, ${count('refused')} refused on purpose, ${count('dropped')} dropped by the endpoint, ${count('abandoned')} abandoned by a killed sender`,
		`${lost} lost, ${total} repeats, ${repeats.unexplained.length} of them unexplained`,
		`from an answer to the kill after which it was repeated: ${windows.map(({longestMs, isPrompt}) => `${longestMs.toFixed(0)}${isPrompt ? '' : ' (behind)'}`).join(', ') || '–'} ms (the longest of each kill)`,
		`order: ${order.compared} first arrivals compared, ${order.overtakings.length} out of order${reasonsOf(order)}`,
		`replays: ${replays.jobs.length} of ${replays.events} events each, ${replays.repeats} repeats`,
		`settled ${seconds(settledMs)} s after the last fault`,
		findings.length === 0
			? 'passed: rows, log, queues and consumers are as they should be'
			: `FAILED\n${findings.join('\n')}`,
	].join('\n');
}

function reasonsOf({overtakings}: Order): string {
	const groups = Map.groupBy(overtakings, ({because = 'for no reason'}) => because);
	return [...groups].map(([because, some]) => `, ${some.length}: ${because}`).join('');
}

function spread(values: readonly number[]): string {
	return `${seconds(medianOf(values))} / ${seconds(Math.max(...values))}`;
}

function seconds(ms: number): string {
	return (ms / 1000).toFixed(ms < 10_000 ? 2 : 1);
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
	const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
	return rows.map((row) =>
		row
			.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
			.join('  '),
	);
}
