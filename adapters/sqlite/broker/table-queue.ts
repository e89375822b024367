import type {Content, Entry} from './entry.ts';

/** A queue whose messages are rows. Adding one has two halves, before and after the commit that makes it durable. */
export interface TableQueue {
	readonly name: string;
	/** Inside the transaction, before the entry is written: settles what its row says. */
	admit(entry: Entry): void;
	/** After the commit. */
	add(entry: Entry, content: Content | undefined): void;
	/** Instead of `add` when the transaction failed. */
	dismiss(entry: Entry): void;
}
