import {CommandFailedError} from '../errors.ts';
import type {CommandRecord, CommandReply} from './command.ts';

/** A command that may still be on its way when the caller is answered. */
export type CommandOutcome =
	| {readonly kind: 'done'; readonly commandId: string; readonly messageId: string | null; readonly timestamp: number}
	| {readonly kind: 'queued'; readonly commandId: string};

/** By its row; undefined for one that is still on its way. @throws {CommandFailedError} why it was not done */
export function outcomeOfRecord({
	id,
	status,
	messageId,
	sentTimestamp,
	failure,
}: CommandRecord): CommandOutcome | undefined {
	if (status === 'sent') {
		return {kind: 'done', commandId: id, messageId, timestamp: sentTimestamp ?? 0};
	}
	if (failure !== null) {
		throw new CommandFailedError(failure);
	}
	return undefined;
}

/** By what the dispatcher answers. @throws {CommandFailedError} why it was not done */
export function outcomeOfReply(commandId: string, reply: CommandReply): CommandOutcome {
	if (!reply.ok) {
		throw new CommandFailedError(reply.failure);
	}
	return {kind: 'done', commandId, messageId: reply.messageId, timestamp: reply.timestamp ?? 0};
}
