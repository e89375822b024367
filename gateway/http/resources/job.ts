import {z} from 'zod';
import {REPLAY_STATUSES, type JobState} from '../../../domain/jobs/job.ts';
import type {JobView} from '../../../domain/jobs/jobs.ts';
import {moment, nullableMoment} from './moment.ts';

const STATES = ['queued', 'counting', 'running', 'done', 'cancelled', 'failed'] as const satisfies JobState[];

/** Long work with its progress. */
export const JobResource = z
	.object({
		id: z.uuid(),
		kind: z.literal('replay'),
		webhookId: z.uuid(),
		from: moment,
		to: moment,
		events: z.array(z.string()).nullable().meta({description: 'Null = whatever the webhook wants'}),
		status: z.enum(REPLAY_STATUSES).meta({description: 'Which deliveries it makes once more'}),
		state: z.enum(STATES).meta({description: 'The last three are its end'}),
		total: z.int().nullable().meta({description: 'How many deliveries there are to make; null = not counted yet'}),
		done: z.int().meta({description: 'Delivered'}),
		failed: z.int().meta({description: 'Not delivered by their first attempt; they go on by their own schedule'}),
		eta: nullableMoment.meta({
			description: 'When it will be done if it goes on as it went so far; null = nobody can tell, or it is at its end',
		}),
		createdAt: moment,
		startedAt: nullableMoment,
		finishedAt: nullableMoment,
		reason: z.string().nullable().meta({description: 'Why it failed'}),
	})
	.meta({id: 'Job'});

export function presentJob({job, eta}: JobView): z.input<typeof JobResource> {
	return {
		id: job.id,
		kind: job.kind,
		webhookId: job.webhookId,
		from: job.from.toISOString(),
		to: job.to.toISOString(),
		events: job.events && [...job.events],
		status: job.status,
		state: job.state,
		total: job.total,
		done: job.done,
		failed: job.failed,
		eta: eta?.toISOString() ?? null,
		createdAt: job.createdAt.toISOString(),
		startedAt: job.startedAt?.toISOString() ?? null,
		finishedAt: job.finishedAt?.toISOString() ?? null,
		reason: job.reason,
	};
}
