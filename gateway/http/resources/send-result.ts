import {z} from 'zod';
import type {CommandOutcome} from '../../../domain/messaging/command-outcome.ts';

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

/** Clients take `id` for a string; an engine that tells none leaves us our own. */
export function presentSendResult({
	messageId,
	timestamp,
	commandId,
}: Extract<CommandOutcome, {kind: 'done'}>): z.input<typeof SendResultResource> {
	return {id: messageId ?? commandId, timestamp, commandId};
}
