import type {Dependency} from '../ports/health-check.ts';

/** What a handler wants done with its message. `dispatchers/dispatcher.ts` is the only place that does it. */
export type Disposition =
	| {readonly kind: 'ack'}
	/** Handle it again after `delayMs` (granularity 1 s); waiting happens in the broker. */
	| {readonly kind: 'retry'; readonly delayMs: number}
	/** Keep it with the reason; nothing vanishes. */
	| {readonly kind: 'dead-letter'; readonly reason: string}
	/** It was not handled, since this process ends: the broker hands it out again (counted against the queue's delivery limit). */
	| {readonly kind: 'return'}
	/** A dependency is away: stop consuming, probe it, then handle the message again. */
	| {readonly kind: 'hold'; readonly dependency: Dependency};

export const ACK: Disposition = {kind: 'ack'};

export const RETURN: Disposition = {kind: 'return'};
