import type {ArrivalPosition} from '../ports/event-store.ts';

/** Which deliveries of a range a replay makes once more. */
export const REPLAY_STATUSES = ['failed', 'missed', 'all'] as const;

export type ReplayStatus = (typeof REPLAY_STATUSES)[number];

/** A job's states. The last three are its end. */
export type JobState = 'queued' | 'counting' | 'running' | 'done' | 'cancelled' | 'failed';

/** A run of a delivery that a replay started, or is about to start. */
export interface ReplayedRun {
	readonly eventId: string;
	readonly run: number;
	/** When it begins, as was decided before it was started; absent in jobs of earlier versions. A run at another moment is somebody else's. */
	readonly atMs?: number;
}

/** How far a job got, for whoever goes on with it. */
export interface JobWork {
	/** Before anything is counted: through how many rounds of queues nothing of its range is under way any more, and when the next is asked. */
	readonly settling?: {readonly rounds: number; readonly askAtMs: number};
	/** Everything up to here was looked at; null = nothing yet. */
	readonly position: ArrivalPosition | null;
	/** There is nothing behind `position`. */
	readonly isAtEnd: boolean;
	/** What was found so far, while it is counted. */
	readonly counted: number;
	/** Decided on, but perhaps not started, or not all of them: whoever goes on starts them. */
	readonly starting: readonly ReplayedRun[];
	/** Started; nobody knows yet what becomes of them. */
	readonly outstanding: readonly ReplayedRun[];
	/** When it began to start runs, milliseconds since the epoch. */
	readonly runningSinceMs: number | null;
	/** When something was last found, started or ended, milliseconds since the epoch. */
	readonly progressedAtMs: number;
}

/** The events of a range, delivered to a webhook once more. */
export interface Job {
	readonly id: string;
	readonly kind: 'replay';
	readonly userId: string;
	readonly webhookId: string;
	/** The webhook's; null = a webhook of all the user's connections. */
	readonly connectionId: string | null;
	/** Events that were received at this moment or later … */
	readonly from: Date;
	/** … and before this one. */
	readonly to: Date;
	/** Only events of these names (`wantsEvent`); null = whatever the webhook wants. */
	readonly events: readonly string[] | null;
	readonly status: ReplayStatus;
	readonly state: JobState;
	/** How many deliveries there are to make; null = not counted yet. */
	readonly total: number | null;
	/** Delivered. */
	readonly done: number;
	/** Not delivered by their first attempt. */
	readonly failed: number;
	/** Why it failed. */
	readonly reason: string | null;
	readonly createdAt: Date;
	readonly startedAt: Date | null;
	/** Null as long as it is not at its end. */
	readonly finishedAt: Date | null;
	readonly updatedAt: Date;
	/** Which of its messages goes on with it; those before it are void. */
	readonly turn: number;
	/** Grows with each change. */
	readonly version: number;
	readonly work: JobWork;
}

/** True when nothing more happens to the job. */
export function isOver({finishedAt}: Pick<Job, 'finishedAt'>): boolean {
	return finishedAt !== null;
}

/** The job at its end. */
export function ended(job: Job, state: 'done' | 'cancelled' | 'failed', at: Date, reason: string | null = null): Job {
	return {...job, state, reason, finishedAt: at, updatedAt: at};
}

/** When it will be done if it goes on as it went so far; undefined while nobody can tell. */
export function expectedEnd(
	{state, total, done, failed, work: {runningSinceMs}}: Job,
	nowMs: number,
): Date | undefined {
	const made = done + failed;
	if (state !== 'running' || total === null || runningSinceMs === null || made === 0) {
		return undefined;
	}
	const msForEach = Math.max(nowMs - runningSinceMs, 0) / made;
	return new Date(Math.round(nowMs + (total - made) * msForEach));
}
