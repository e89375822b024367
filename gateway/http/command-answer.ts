import type {CommandOutcome} from '../../domain/messaging/command-outcome.ts';
import {presentSendResult} from './resources/send-result.ts';
import {created, type Answer} from './route.ts';

/** The answer to what puts or changes a message. */
export function sendAnswer(outcome: CommandOutcome): Answer {
	return outcome.kind === 'queued' ? queuedAnswer(outcome.commandId) : created(presentSendResult(outcome));
}

/** The answer to what leaves no message behind. */
export function doneAnswer(outcome: CommandOutcome): Answer {
	return outcome.kind === 'queued' ? queuedAnswer(outcome.commandId) : created({success: true});
}

function queuedAnswer(commandId: string): Answer {
	return {status: 202, body: {commandId, status: 'queued'}};
}
