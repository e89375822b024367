import type {Job} from '../jobs/job.ts';
import type {ListPosition} from './page.ts';

/** Which of a user's jobs, and how many. */
export interface JobQuery {
	readonly limit: number;
	/** The list goes on behind this one. */
	readonly before?: ListPosition;
	/** Only those of webhooks of these connections; absent = all. */
	readonly connectionIds?: readonly string[];
}

/** Long work with its progress. @throws {StoreUnavailableError} */
export interface JobStore {
	/** Adds a job, unless its webhook has one that is not at its end. @returns what is stored: the given one, or that other */
	create(job: Job): Promise<Job>;
	find(id: string): Promise<Job | undefined>;
	/** Newest first by (createdAt, id). */
	list(userId: string, query: JobQuery): Promise<readonly Job[]>;
	/** Stores it under the next version. @returns it as it is then; undefined when what is stored has another version by now */
	save(job: Job): Promise<Job | undefined>;
	/** Jobs of all users that are not at their end and were not saved since `before`, the longest first. */
	listStale(before: Date, limit: number): Promise<readonly Job[]>;
}
