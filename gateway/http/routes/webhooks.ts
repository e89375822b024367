import {z} from 'zod';
import type {Webhooks} from '../../../domain/webhooks/webhooks.ts';
import {pageQuery, toPage} from '../paging.ts';
import {SuccessResource} from '../resources/success.ts';
import {
	presentUpdate,
	presentWebhook,
	presentWebhookLog,
	UpdatedWebhookResource,
	WebhookLogResource,
	WebhookResource,
} from '../resources/webhook.ts';
import {created, ok, route, type Route} from '../route.ts';
import {NewWebhookBody, toDomain, WebhookChangesBody} from '../webhook-fields.ts';

/** A page; also the contract's number of log rows. */
const MAX_ROWS = 100;

/** A page of one connection's, and what clients see that do not follow the `Link` header: ten times what operators allow by default. */
const MAX_ROWS_OF_CONNECTION = 1000;

const DEFAULT_OVERLAP_HOURS = 24;
const MAX_OVERLAP_HOURS = 7 * 24;
const OVERLAP_FAULT = `overlapHours must be a number from 0 to ${MAX_OVERLAP_HOURS}`;

const Rotation = z.object({
	overlapHours: z
		.number(OVERLAP_FAULT)
		.min(0, OVERLAP_FAULT)
		.max(MAX_OVERLAP_HOURS, OVERLAP_FAULT)
		.meta({description: 'How long the secret before signs as well; default 24, 0 = it ends now', example: 24})
		.exactOptional(),
});

const TestResource = z.object({success: z.literal(true), logId: z.string(), message: z.string()});

/** Webhooks of a connection or of all the user's, their delivery logs and test events. */
export function webhookRoutes(dependencies: {webhooks: Webhooks; publicUrl: string}): readonly Route[] {
	return [...collectionRoutes(dependencies), ...configurationRoutes(dependencies), ...logRoutes(dependencies)];
}

function collectionRoutes({webhooks, publicUrl}: {webhooks: Webhooks; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections/:id/webhooks',
			target: 'connection',
			// It shows signing secrets.
			scope: 'manage',
			query: pageQuery(MAX_ROWS_OF_CONNECTION),
			documentation: {
				id: 'listWebhooks',
				tag: 'Webhooks',
				summary: 'List the webhooks of a connection',
				answer: {
					status: 200,
					description: 'With their signing secrets, oldest first; the `Link` header leads to the next page',
					schema: z.array(WebhookResource),
				},
			},
			handle: async ({target: connection, query: {limit, cursor}}) => {
				const rows = await webhooks.list(connection, {limit: limit + 1, ...(cursor && {after: cursor})});
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/connections/${connection.id}/webhooks`,
					positionOf: ({webhook}) => webhook,
				});
				return ok(items.map(presentWebhook), headers);
			},
		}),
		route({
			method: 'POST',
			path: '/connections/:id/webhooks',
			target: 'connection',
			scope: 'manage',
			body: NewWebhookBody,
			faults: 'array',
			documentation: {
				id: 'createWebhook',
				tag: 'Webhooks',
				summary: 'Create a webhook',
				description:
					'Events are posted to `url`, signed with `signingSecret`. Private addresses are refused unless the operator opens them.',
				body: {url: 'https://example.com/hooks/whatsapp', events: ['*']},
				answer: {status: 201, description: 'The new webhook', schema: WebhookResource},
				errors: ['CONFLICT'],
			},
			handle: async ({target: connection, body}) =>
				created(presentWebhook(await webhooks.create(connection, toDomain(body)))),
		}),
		route({
			method: 'GET',
			path: '/webhooks',
			target: 'account',
			scope: 'manage',
			query: pageQuery(MAX_ROWS),
			documentation: {
				id: 'listAllWebhooks',
				tag: 'Webhooks',
				summary: 'List all webhooks',
				answer: {
					status: 200,
					description:
						'Those of all connections and of each, with their signing secrets, oldest first; the `Link` header leads to the next page',
					schema: z.array(WebhookResource),
				},
			},
			handle: async ({user, query}) => {
				const {limit, cursor} = query;
				const page = {limit: limit + 1, ...(cursor && {after: cursor})};
				const rows = await webhooks.listForUser(user.id, page);
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/webhooks`,
					positionOf: ({webhook}) => webhook,
				});
				return ok(items.map(presentWebhook), headers);
			},
		}),
		route({
			method: 'POST',
			path: '/webhooks',
			target: 'account',
			scope: 'manage',
			body: NewWebhookBody,
			faults: 'array',
			documentation: {
				id: 'createUserWebhook',
				tag: 'Webhooks',
				summary: 'Create a webhook for all connections',
				description:
					'It gets the events of every connection of the account, of those that come later too, and those of the account itself. `sessionId` is null.',
				body: {url: 'https://example.com/hooks/whatsapp', events: ['message.*', 'session.status']},
				answer: {status: 201, description: 'The new webhook', schema: WebhookResource},
				errors: ['CONFLICT'],
			},
			handle: async ({user, body}) => created(presentWebhook(await webhooks.createForUser(user.id, toDomain(body)))),
		}),
	];
}

function configurationRoutes({webhooks}: {webhooks: Webhooks}): readonly Route[] {
	return [
		route({
			method: 'PUT',
			path: '/webhooks/:id',
			target: 'webhook',
			scope: 'manage',
			body: WebhookChangesBody,
			faults: 'array',
			documentation: {
				id: 'updateWebhook',
				tag: 'Webhooks',
				summary: 'Change a webhook',
				description:
					'Absent fields stay; `null` sets an option back to its default. `active: true` also clears why the system disabled it. From the next attempt on, waiting retries included, it is as it is now.',
				body: {active: false},
				answer: {status: 200, description: 'As it is now', schema: UpdatedWebhookResource},
				errors: ['CONFLICT'],
			},
			handle: async ({target: webhook, body}) =>
				ok(presentUpdate(webhook, await webhooks.update(webhook, toDomain(body)))),
		}),
		route({
			method: 'POST',
			path: '/webhooks/:id/rotate-secret',
			target: 'webhook',
			scope: 'manage',
			body: Rotation,
			faults: 'array',
			documentation: {
				id: 'rotateWebhookSecret',
				tag: 'Webhooks',
				summary: 'Give a webhook a new secret',
				description:
					'Until the overlap ends, `webhook-signature` lists both signatures, and `X-WAHooks-Signature`, which holds one, is made with the secret before.',
				body: {overlapHours: 24},
				answer: {status: 201, description: 'With the new secret', schema: WebhookResource},
				errors: ['CONFLICT'],
			},
			handle: async ({target: webhook, body: {overlapHours = DEFAULT_OVERLAP_HOURS}}) =>
				created(presentWebhook(await webhooks.rotateSecret(webhook, overlapHours))),
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
	];
}

function logRoutes({webhooks, publicUrl}: {webhooks: Webhooks; publicUrl: string}): readonly Route[] {
	return [
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
