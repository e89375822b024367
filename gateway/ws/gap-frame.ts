import {StreamFrame} from './stream-frame.ts';

/**
 * Why events may be missing: `unknown` = the log has no such event, `log-unavailable` = the log could not be read,
 * `log-behind` = it did not get as far as the live stream for an hour.
 */
export type GapReason = 'unknown' | 'log-unavailable' | 'log-behind';

/**
 * Tells a client that events may be missing on this stream, from just after `from` up to now: nothing is missed silently.
 * @param from id of an event that the client has; null when there is none
 */
export function gapFrame(from: string | null, reason: GapReason): StreamFrame {
	return new StreamFrame(Buffer.from(JSON.stringify({type: 'gap', from, to: null, reason})));
}
