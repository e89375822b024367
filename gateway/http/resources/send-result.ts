import {z} from 'zod';
import type {CommandOutcome} from '../../../domain/messaging/messaging.ts';
import {created, type Answer} from '../route.ts';

/** What became of a message. */
export const SendResultResource = z
	.object({
		id: z.string().meta({
			description: 'Full id of the message; the command’s id where the engine tells none',
			example: 'true_15550110000@c.us_3EB0D51A3EE2A2B0C4F5',
		}),
		timestamp: z.int().meta({description: 'Unix seconds', example: 1_795_000_000}),
		commandId: z.uuid().meta({description: 'Finds the message too, as long as it has no id of its own'}),
	})
	.meta({id: 'SendResult'});

/** The answer to what puts or changes a message. */
export function presentSendResult(outcome: CommandOutcome): Answer {
	const {commandId} = outcome;
	if (outcome.kind === 'queued') {
		return presentQueued(commandId);
	}
	// Clients take `id` for a string; an engine that tells none leaves us our own.
	const result: z.input<typeof SendResultResource> = {
		id: outcome.messageId ?? commandId,
		timestamp: outcome.timestamp,
		commandId,
	};
	return created(result);
}

/** The answer to what leaves no message behind. */
export function presentDone(outcome: CommandOutcome): Answer {
	return outcome.kind === 'queued' ? presentQueued(outcome.commandId) : created({success: true});
}

function presentQueued(commandId: string): Answer {
	return {status: 202, body: {commandId, status: 'queued'}};
}
