import {StreamFrame} from './stream-frame.ts';

/**
 * Why events may be missing: `expired` = the log does not go back that far, `unknown` = it has no such event, `log-unavailable` =
 * it could not be read, `log-behind` = it did not get as far as the live stream for an hour.
 */
export type GapReason = 'expired' | 'unknown' | 'log-unavailable' | 'log-behind';

/**
 * Tells a client that events may be missing on this stream, between `from` and `to`: nothing is missed silently.
 * @param from id of an event that the client has; null when there is none
 * @param to id of the event that follows next; null = whatever comes from now on
 */
export function gapFrame({
	from,
	to = null,
	reason,
}: {
	from: string | null;
	to?: string | null;
	reason: GapReason;
}): StreamFrame {
	return StreamFrame.about('gap', {from, to, reason});
}
