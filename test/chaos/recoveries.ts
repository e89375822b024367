import type {Fault, Ledger} from './ledger.ts';

/** How deliveries went on after a fault, measured at the plain webhooks from the moment at which it was over. */
export interface Recovery {
	readonly fault: Fault;
	/** Until an event that was posted afterwards had arrived, milliseconds. */
	readonly resumedMs: number;
	/** Until everything that was posted before had arrived, milliseconds; 0 = it had already. */
	readonly caughtUpMs: number;
}

export function recoveries({posts, arrivals, faults}: Ledger): readonly Recovery[] {
	const firstAtMs = new Map<number, number>();
	for (const {webhook, n, end, atMs} of arrivals) {
		if (webhook.startsWith('plain/') && end === 'accepted') firstAtMs.set(n, Math.min(firstAtMs.get(n) ?? atMs, atMs));
	}
	return faults.map((fault) => {
		let resumedMs = Infinity;
		let caughtUpMs = 0;
		for (const {n, postedAtMs} of posts) {
			const sinceMs = (firstAtMs.get(n) ?? Infinity) - fault.toMs;
			if (postedAtMs >= fault.toMs) resumedMs = Math.min(resumedMs, sinceMs);
			else caughtUpMs = Math.max(caughtUpMs, sinceMs);
		}
		return {fault, resumedMs, caughtUpMs};
	});
}
