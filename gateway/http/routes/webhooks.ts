import {z} from 'zod';
import type {Webhooks} from '../../../domain/webhooks/webhooks.ts';
import {flag} from '../fields.ts';
import {pageQuery, toPage} from '../paging.ts';
import {SuccessResource} from '../resources/success.ts';
import {presentWebhook, presentWebhookLog, WebhookLogResource, WebhookResource} from '../resources/webhook.ts';
import {created, ok, route, type Route} from '../route.ts';

/** A page: the contract's number of log rows. */
const MAX_ROWS = 100;

const MAX_URL_LENGTH = 2048;
const MAX_EVENTS = 100;

const url = z
	.string('url must be a URL address')
	.refine(isHttpUrl, 'url must be a URL address')
	.meta({description: 'http or https', example: 'https://example.com/hooks/whatsapp'});
const events = z
	.array(z.string('each value in events must be a string'), 'events must be an array')
	.max(MAX_EVENTS, `events must have at most ${MAX_EVENTS} values`)
	.meta({description: '`*` for all, or exact event names', example: ['message', 'message.ack']});

const NewWebhook = z.object({url, events});
const WebhookChanges = z.object({
	url: url.exactOptional(),
	events: events.exactOptional(),
	active: flag('active').exactOptional(),
});

const TestResource = z.object({success: z.literal(true), logId: z.string(), message: z.string()});

/** Webhooks of a connection, their delivery logs and test events. */
export function webhookRoutes({webhooks, publicUrl}: {webhooks: Webhooks; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections/:id/webhooks',
			target: 'connection',
			// It shows signing secrets.
			scope: 'manage',
			documentation: {
				id: 'listWebhooks',
				tag: 'Webhooks',
				summary: 'List the webhooks of a connection',
				answer: {
					status: 200,
					description: 'With their signing secrets, oldest first',
					schema: z.array(WebhookResource),
				},
			},
			handle: async ({target: connection}) => ok((await webhooks.list(connection)).map(presentWebhook)),
		}),
		route({
			method: 'POST',
			path: '/connections/:id/webhooks',
			target: 'connection',
			scope: 'manage',
			body: NewWebhook,
			faults: 'array',
			documentation: {
				id: 'createWebhook',
				tag: 'Webhooks',
				summary: 'Create a webhook',
				description:
					'Events are posted to `url`, signed with `signingSecret`. Private addresses are refused unless the operator opens them.',
				body: {url: 'https://example.com/hooks/whatsapp', events: ['*']},
				answer: {status: 201, description: 'The new webhook', schema: WebhookResource},
			},
			handle: async ({target: connection, body}) => created(presentWebhook(await webhooks.create(connection, body))),
		}),
		route({
			method: 'PUT',
			path: '/webhooks/:id',
			target: 'webhook',
			scope: 'manage',
			body: WebhookChanges,
			faults: 'array',
			documentation: {
				id: 'updateWebhook',
				tag: 'Webhooks',
				summary: 'Change a webhook',
				description: 'Absent fields stay. `active: true` also clears why the system disabled it.',
				body: {active: false},
				answer: {status: 200, description: 'As it is now', schema: WebhookResource},
			},
			handle: async ({target: webhook, body}) => ok(presentWebhook(await webhooks.update(webhook, body))),
		}),
		route({
			method: 'DELETE',
			path: '/webhooks/:id',
			target: 'webhook',
			scope: 'manage',
			documentation: {
				id: 'deleteWebhook',
				tag: 'Webhooks',
				summary: 'Delete a webhook',
				description: 'Nothing more is delivered to it, waiting retries included.',
				answer: {status: 200, description: 'It is deleted', schema: SuccessResource, example: {success: true}},
			},
			handle: async ({target: webhook}) => {
				await webhooks.remove(webhook);
				return ok({success: true});
			},
		}),
		route({
			method: 'GET',
			path: '/webhooks/:id/logs',
			target: 'webhook',
			scope: 'read',
			query: pageQuery(MAX_ROWS),
			documentation: {
				id: 'listWebhookLogs',
				tag: 'Webhooks',
				summary: 'List the deliveries of a webhook',
				answer: {
					status: 200,
					description: 'Newest first; the `Link` header leads to the next page',
					schema: z.array(WebhookLogResource),
				},
			},
			handle: async ({target: webhook, query}) => {
				const {limit, cursor} = query;
				const rows = await webhooks.log(webhook, {limit: limit + 1, ...(cursor && {before: cursor})});
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/webhooks/${webhook.id}/logs`,
					positionOf: ({delivery}) => delivery,
				});
				return ok(items.map(presentWebhookLog), headers);
			},
		}),
		route({
			method: 'POST',
			path: '/webhooks/:id/test',
			target: 'webhook',
			scope: 'manage',
			documentation: {
				id: 'testWebhook',
				tag: 'Webhooks',
				summary: 'Send a test event',
				description: 'Sent once, never retried, also to an inactive webhook. Its outcome is in the log.',
				answer: {
					status: 201,
					description: 'It is on its way',
					schema: TestResource,
					example: {success: true, logId: '1f0c…', message: 'Test event enqueued for delivery'},
				},
			},
			handle: async ({target: webhook}) =>
				created({success: true, logId: await webhooks.test(webhook), message: 'Test event enqueued for delivery'}),
		}),
	];
}

/** Looks at the text only: creating a webhook must not depend on DNS. Which addresses may be called is the sender's rule. */
function isHttpUrl(value: string): boolean {
	return (
		value.length <= MAX_URL_LENGTH && /^https?:\/\/[^\s/]/i.test(value) && !/\s/.test(value) && URL.canParse(value)
	);
}
