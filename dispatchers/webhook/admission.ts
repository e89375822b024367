/** What is new, or what is only made once more and gives way to it. */
export type Priority = 'live' | 'background';

/** Who asks for a place. */
export interface Entrant {
	/** How often the delivery was parked since its last attempt; default 0. */
	readonly parked?: number;
	/** Default live. */
	readonly priority?: Priority;
	/** Aborted when whoever works on the delivery ends: nothing more is to be begun. Default never. */
	readonly signal?: AbortSignal;
}

/**
 * Make the attempt (by `run`, which begins it when its time has come), let the delivery wait in the broker, or give it back since
 * whoever works on it ends.
 */
export type Admission =
	| {readonly kind: 'run'; readonly isProbe: boolean; readonly startAtMs: number; readonly priority: Priority}
	| {readonly kind: 'park'; readonly untilMs: number}
	| {readonly kind: 'return'};
