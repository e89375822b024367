import {z} from 'zod';
import type {Connections} from '../../../domain/connections/connections.ts';
import type {Webhooks} from '../../../domain/webhooks/webhooks.ts';
import {readPage, toPage} from '../paging.ts';
import {parse} from '../parse.ts';
import {presentWebhook, presentWebhookLog} from '../present.ts';
import {created, ok, type Route} from '../route.ts';

const MAX_URL_LENGTH = 2048;
const MAX_EVENTS = 100;

const url = z.string('url must be a URL address').refine(isHttpUrl, 'url must be a URL address');
const events = z
	.array(z.string('each value in events must be a string'), 'events must be an array')
	.max(MAX_EVENTS, `events must have at most ${MAX_EVENTS} values`);

const NewWebhook = z.object({url, events});
const WebhookChanges = z.object({
	url: url.exactOptional(),
	events: events.exactOptional(),
	active: z.boolean('active must be a boolean value').exactOptional(),
});

/** Webhooks of a connection, their delivery logs and test events. */
export function webhookRoutes({
	connections,
	webhooks,
	publicUrl,
}: {
	connections: Connections;
	webhooks: Webhooks;
	publicUrl: string;
}): readonly Route[] {
	return [
		{
			method: 'GET',
			path: '/connections/:id/webhooks',
			handle: async ({user, param}) => {
				const connection = await connections.get(user.id, param('id'));
				return ok((await webhooks.list(connection)).map(presentWebhook));
			},
		},
		{
			method: 'POST',
			path: '/connections/:id/webhooks',
			handle: async ({user, param, body}) => {
				const connection = await connections.get(user.id, param('id'));
				return created(presentWebhook(await webhooks.create(connection, parse(NewWebhook, body, 'array'))));
			},
		},
		{
			method: 'PUT',
			path: '/webhooks/:id',
			handle: async ({user, param, body}) => {
				const {id} = await webhooks.get(user.id, param('id'));
				return ok(presentWebhook(await webhooks.update(user.id, id, parse(WebhookChanges, body, 'array'))));
			},
		},
		{
			method: 'DELETE',
			path: '/webhooks/:id',
			handle: async ({user, param}) => {
				await webhooks.remove(user.id, param('id'));
				return ok({success: true});
			},
		},
		{
			method: 'GET',
			path: '/webhooks/:id/logs',
			handle: async ({user, param, query}) => {
				const {id} = await webhooks.get(user.id, param('id'));
				const {limit, position} = readPage(query);
				const rows = await webhooks.log(user.id, id, {limit: limit + 1, ...(position && {before: position})});
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/webhooks/${id}/logs`,
					positionOf: ({delivery}) => delivery,
				});
				return ok(items.map(presentWebhookLog), headers);
			},
		},
		{
			method: 'POST',
			path: '/webhooks/:id/test',
			handle: async ({user, param}) => {
				const logId = await webhooks.test(user.id, param('id'));
				return created({success: true, logId, message: 'Test event enqueued for delivery'});
			},
		},
	];
}

/** Looks at the text only: creating a webhook must not depend on DNS. Which addresses may be called is the sender's rule. */
function isHttpUrl(value: string): boolean {
	return (
		value.length <= MAX_URL_LENGTH && /^https?:\/\/[^\s/]/i.test(value) && !/\s/.test(value) && URL.canParse(value)
	);
}
