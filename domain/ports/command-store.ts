import type {CommandFailure, CommandRecord} from '../messaging/command.ts';

/** How a command ended. */
export type CommandEnd =
	| {readonly status: 'sent'; readonly messageId: string | null; readonly sentTimestamp: number}
	| {readonly status: 'failed' | 'unknown'; readonly failure: CommandFailure};

export interface CommandStore {
	/**
	 * Adds a command, unless one with the same (user, Idempotency-Key) exists.
	 * @returns what is stored: the given record, or the earlier one.
	 */
	create(command: CommandRecord): Promise<CommandRecord>;
	find(id: string): Promise<CommandRecord | undefined>;
	/** Takes a queued command for `owner` (compare-and-set queued → sending). False when it was not queued any more. */
	claim(id: string, owner: string, at: Date): Promise<boolean>;
	/**
	 * Records the end. `unknown` may still be replaced by `sent` or `failed` (a slow first owner knows better); of any other end,
	 * the first stays.
	 */
	finish(id: string, end: CommandEnd, at: Date): Promise<void>;
}
