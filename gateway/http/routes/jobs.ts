import {z} from 'zod';
import {REPLAY_STATUSES} from '../../../domain/jobs/job.ts';
import type {Jobs} from '../../../domain/jobs/jobs.ts';
import {timestamp} from '../fields.ts';
import {pageQuery, toPage} from '../paging.ts';
import {JobResource, presentJob} from '../resources/job.ts';
import {accepted, created, ok, route, type Route} from '../route.ts';
import {eventNames} from '../webhook-fields.ts';

/** A page. */
const MAX_ROWS = 100;

const ReplayBody = z.object({
	from: timestamp('from').meta({description: 'Events that were received at this moment or later'}),
	to: timestamp('to').meta({description: 'Events that were received before this moment; not in the future'}),
	events: eventNames
		.min(1, 'events must have at least one value')
		.meta({description: 'Only these, named as in a webhook’s `events`', example: ['message']})
		.exactOptional(),
	status: z
		.enum(REPLAY_STATUSES, `status must be one of ${REPLAY_STATUSES.join(', ')}`)
		.meta({
			description:
				'`missed` (default): no delivery, or a skipped one; `failed`: dead ones; `all`: whatever matches and is not under way',
			example: 'missed',
		})
		.exactOptional(),
});

/** Replays of what a webhook missed, as jobs with their progress. */
export function jobRoutes({jobs, publicUrl}: {jobs: Jobs; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'POST',
			path: '/webhooks/:id/replay',
			target: 'webhook',
			scope: 'manage',
			body: ReplayBody,
			faults: 'array',
			documentation: {
				id: 'replayWebhook',
				tag: 'Webhooks',
				summary: 'Deliver the events of a range once more',
				description:
					'Begins a job. Each delivery keeps its id and gets a new run. `missed` and `all` go by what the webhook wants now; live events go first. One replay of a webhook at a time (409), and only while it is active (409).',
				body: {from: '2026-03-27T12:00:00Z', to: '2026-03-27T18:00:00Z', status: 'missed'},
				answer: {status: 202, description: 'The job', schema: JobResource},
				errors: ['CONFLICT'],
			},
			handle: async ({target: webhook, body}) => accepted(presentJob(await jobs.replay(webhook, body))),
		}),
		route({
			method: 'GET',
			path: '/jobs',
			target: 'self',
			scope: 'read',
			query: pageQuery(MAX_ROWS),
			documentation: {
				id: 'listJobs',
				tag: 'Webhooks',
				summary: 'List jobs',
				answer: {
					status: 200,
					description: 'Newest first; the `Link` header leads to the next page',
					schema: z.array(JobResource),
				},
			},
			handle: async ({user, identity, query: {limit, cursor}}) => {
				const {connectionIds} = identity.grants;
				const rows = await jobs.list(user.id, {
					limit: limit + 1,
					...(cursor !== undefined && {before: cursor}),
					...(connectionIds !== null && {connectionIds}),
				});
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/jobs`,
					positionOf: ({job}) => job,
				});
				return ok(items.map(presentJob), headers);
			},
		}),
		route({
			method: 'GET',
			path: '/jobs/:id',
			target: 'job',
			scope: 'read',
			documentation: {
				id: 'getJob',
				tag: 'Webhooks',
				summary: 'Get a job with its progress',
				answer: {status: 200, description: 'As it is now', schema: JobResource},
			},
			handle: ({target: job}) => Promise.resolve(ok(presentJob(jobs.view(job)))),
		}),
		route({
			method: 'POST',
			path: '/jobs/:id/cancel',
			target: 'job',
			scope: 'manage',
			documentation: {
				id: 'cancelJob',
				tag: 'Webhooks',
				summary: 'Cancel a job',
				description:
					'Nothing more is started, but for 25 deliveries at most that were just being started; what was started goes on. A job at its end stays as it is.',
				answer: {status: 201, description: 'As it is now', schema: JobResource},
				errors: ['CONFLICT'],
			},
			handle: async ({target: job}) => created(presentJob(await jobs.cancel(job))),
		}),
	];
}
