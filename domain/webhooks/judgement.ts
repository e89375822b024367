import {TEST_EVENT} from '../events/vocabulary.ts';
import type {WebhookResponse} from '../ports/webhook-sender.ts';
import type {AttemptResult, DeliveryState} from './delivery.ts';
import {nextAttemptAtMs, type FailedTry} from './schedule.ts';

/** What an attempt decided about its delivery. */
export interface Judgement {
	readonly state: Extract<DeliveryState, 'delivered' | 'waiting' | 'dead'>;
	readonly result: AttemptResult;
	/** Present when waiting, milliseconds since the epoch. */
	readonly nextAttemptAtMs?: number;
	/** Present when dead. */
	readonly reason?: string;
	/** The receiver is gone for good (410): switch the webhook off. */
	readonly gone: boolean;
}

export interface AttemptContext extends FailedTry {
	readonly event: string;
}

/**
 * Success is 2xx within the deadline; 410 ends it; everything else waits for the next place in the schedule, if there is one, or longer when
 * the receiver asks for that.
 */
export function judge(response: WebhookResponse, context: AttemptContext): Judgement {
	const result = toResult(response);
	if (result.errorClass === null) {
		return {state: 'delivered', result, gone: false};
	}
	if (result.status === 410) {
		return {state: 'dead', result, reason: 'the receiver answered 410 Gone', gone: true};
	}
	if (context.event === TEST_EVENT) {
		return {state: 'dead', result, reason: 'a test event is sent once', gone: false};
	}
	const retryAfterMs = response.kind === 'answer' ? response.retryAfterMs : undefined;
	const dueAtMs = nextAttemptAtMs(context, retryAfterMs);
	if (dueAtMs !== undefined) {
		return {state: 'waiting', result, nextAttemptAtMs: dueAtMs, gone: false};
	}
	const isUsedUp = context.attempt > context.schedule.length;
	return {state: 'dead', result, reason: isUsedUp ? `all ${context.attempt} attempts failed` : 'expired', gone: false};
}

function toResult(response: WebhookResponse): AttemptResult {
	if (response.kind === 'failure') {
		const {errorClass, error, durationMs} = response;
		return {status: null, durationMs, errorClass, error, answer: null};
	}
	const {status, durationMs, body, location} = response;
	const succeeded = status >= 200 && status < 300;
	const pointer = location === undefined ? '' : `, redirect to ${location} not followed`;
	return {
		status,
		durationMs,
		errorClass: succeeded ? null : 'status',
		error: succeeded ? null : `HTTP ${status}${pointer}`,
		answer: body,
	};
}
