import {setTimeout as pause} from 'node:timers/promises';
import {
	checkArrivals,
	checkOrder,
	checkRecoveries,
	checkRepeats,
	checkReplays,
	checkStores,
	checkWindows,
} from './checks.ts';
import type {Evidence} from './evidence.ts';
import {killWindows, type KillWindow} from './kill-windows.ts';
import type {Ledger} from './ledger.ts';
import {missing, unattended, unrecorded, unsent} from './leftovers.ts';
import {compareOrder, type Order} from './order.ts';
import {recoveries, type Recovery} from './recoveries.ts';
import {countRepeats, type Repeats} from './repeats.ts';
import type {ReplayCount} from './replays.ts';

/** How many examples a finding names. */
const EXAMPLES = 5;
const SAY_EVERY_MS = 10_000;
/** Counting takes its time, on the cores that the processes need. */
const LOOK_EVERY_MS = 500;

/** What a run came to. */
export interface Audit {
	/** What should not be, a line each; none = passed. */
	readonly findings: readonly string[];
	readonly ledger: Ledger;
	/** Accepted events that did not arrive, once for each webhook and socket that wanted them. */
	readonly lost: number;
	readonly repeats: Repeats;
	readonly windows: readonly KillWindow[];
	readonly recoveries: readonly Recovery[];
	readonly order: Order;
	readonly replays: ReplayCount;
	/** Until everything had arrived and was recorded after the faults, milliseconds. */
	readonly settledMs: number;
	/** What each process printed last, for somebody who has to find out why. */
	readonly outputs: ReadonlyMap<string, string>;
}

/** Waits until everything accepted is everywhere it belongs, and counts. What is not there in time is a finding, not a failure. */
export async function audit(options: Evidence): Promise<Audit> {
	const {deployment, traffic, watches, ledger} = options;
	const startedAtMs = performance.now();
	const findings: string[] = [];
	await ended(options, findings);
	await within(options, 'arrive', findings, () => Promise.resolve(missing(ledger(), watches)));
	// What comes last shows that every dispatcher still works.
	for (const _ of deployment.tenants) traffic.post();
	await traffic.stop();
	await within(options, 'arrive at the end', findings, () => Promise.resolve(missing(ledger(), watches)));
	await within(options, 'be recorded', findings, () => unrecorded(options));
	await within(options, 'be sent', findings, () => unsent(deployment));
	if (deployment.services !== undefined) {
		const {services} = deployment;
		await within(options, 'be worked off', findings, () => unattended(services));
	}
	const settledMs = performance.now() - startedAtMs;
	const seen = ledger();
	const replays = await deployment.replays.count();
	const stores = await checkStores(options);
	const order = compareOrder(
		stores.logs,
		seen,
		deployment.tenants.map(({orderedFromMs}) => orderedFromMs),
	);
	findings.push(...stores.findings, ...checkArrivals(options), ...checkOrder(order));
	findings.push(...checkReplays(replays, seen.faults.filter((fault) => fault.repeats).length));
	const outputs = new Map(deployment.processes.map(({name, process}) => [name, process.output]));
	const repeats = countRepeats(seen);
	const windows = killWindows(repeats.explained, seen);
	findings.push(...checkRepeats(repeats, seen), ...checkWindows(windows));
	const recovered = recoveries(seen);
	findings.push(...checkRecoveries(recovered, options));
	const lost = missing(seen, watches).length;
	const found = {repeats, windows, recoveries: recovered, order, replays};
	return {findings, ledger: seen, lost, ...found, settledMs, outputs};
}

/** Waits for the replay that is under way. */
async function ended({deployment, options}: Evidence, findings: string[]): Promise<void> {
	const {settleWithinMs, signal} = options;
	const limit = AbortSignal.any([signal, AbortSignal.timeout(settleWithinMs)]);
	await deployment.replays.end(limit).catch((error: unknown) => {
		signal.throwIfAborted();
		findings.push(`the last replay did not end within ${settleWithinMs / 1000} s: ${String(error)}`);
	});
}

/** Looks again until nothing is missing. */
async function within(
	{options: {settleWithinMs, signal, say}}: Evidence,
	what: string,
	findings: string[],
	look: () => Promise<readonly string[]>,
): Promise<void> {
	const deadlineMs = performance.now() + settleWithinMs;
	let nextSayAtMs = performance.now() + SAY_EVERY_MS;
	for (;;) {
		const left = await look().catch((error: unknown) => [String(error)]);
		if (left.length === 0) return;
		const nowMs = performance.now();
		if (nowMs > deadlineMs) {
			findings.push(
				`${left.length} did not ${what} within ${settleWithinMs / 1000} s: ${left.slice(0, EXAMPLES).join(', ')}`,
			);
			return;
		}
		if (nowMs > nextSayAtMs) {
			say(`${left.length} have yet to ${what}, such as ${left[0] ?? ''}`);
			nextSayAtMs += SAY_EVERY_MS;
		}
		await pause(LOOK_EVERY_MS, undefined, {signal});
	}
}
