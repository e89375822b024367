import type {CommandFailure, CommandRecord, ReceiptLevel} from '../messaging/command.ts';

/** How a command ended. */
export type CommandEnd =
	| {
			readonly status: 'sent';
			readonly messageId: string | null;
			/** As the engine says it; absent = the one that was asked for. */
			readonly messageKey?: string;
			readonly sentTimestamp: number;
	  }
	| {readonly status: 'failed' | 'unknown'; readonly failure: CommandFailure};

/** An acknowledgement of a message; most are of messages that were not sent through here. */
export interface Receipt {
	readonly connectionId: string;
	readonly messageKey: string;
	readonly level: ReceiptLevel;
	/** The engine's time. */
	readonly at: Date;
}

/** Sends, each with its claim, its outcome and its acknowledgements. @throws {StoreUnavailableError} */
export interface CommandStore {
	/**
	 * Adds a command, unless one with the same (user, Idempotency-Key) exists.
	 * @returns what is stored: the given record, or the earlier one.
	 */
	create(command: CommandRecord): Promise<CommandRecord>;
	find(id: string): Promise<CommandRecord | undefined>;
	/** The send behind a message, by WhatsApp's own key. */
	findByMessageKey(connectionId: string, messageKey: string): Promise<CommandRecord | undefined>;
	/** Takes a queued command for `owner` (compare-and-set queued → sending). False when it was not queued any more. */
	claim(id: string, owner: string, at: Date): Promise<boolean>;
	/**
	 * Records the end. `unknown` may still be replaced by `sent` or `failed` (a slow first owner knows better); of any other end,
	 * the first stays.
	 */
	finish(id: string, end: CommandEnd, at: Date): Promise<void>;
	/** Notes acknowledgements, the earliest time of each level; of messages without a row nothing. May come twice and in any order. */
	acknowledge(receipts: readonly Receipt[]): Promise<void>;
}
