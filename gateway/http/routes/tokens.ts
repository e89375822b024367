import {z} from 'zod';
import {SCOPES} from '../../../domain/tokens/grants.ts';
import type {Tokens} from '../../../domain/tokens/tokens.ts';
import {line} from '../fields.ts';
import {pageQuery, toPage} from '../paging.ts';
import {CreatedTokenResource, presentCreatedToken, presentToken, TokenResource} from '../resources/token.ts';
import {SuccessResource} from '../resources/success.ts';
import {created, ok, route, type Route} from '../route.ts';

/** A page, and what clients see that do not follow the `Link` header. */
const MAX_ROWS = 1000;

/** Of one token. */
const MAX_CONNECTIONS = 100;

const EXPIRY_FAULT = 'expiresAt must be a moment in ISO 8601, such as 2030-01-01T00:00:00Z';
const SCOPES_FAULT = `scopes must be a list of ${SCOPES.join(', ')}`;
const CONNECTIONS_FAULT = 'connectionIds must be a list of connection ids';

const NewToken = z.object({
	name: line('name', {required: 'name is required'}),
	expiresAt: z.iso
		.datetime({offset: true, error: EXPIRY_FAULT})
		.meta({description: 'When it ends; absent = never', example: '2099-01-01T00:00:00.000Z'})
		.exactOptional(),
	scopes: z
		.array(z.enum(SCOPES, SCOPES_FAULT), SCOPES_FAULT)
		.min(1, 'scopes must not be empty: leave it out for a token that may do everything')
		.max(100, SCOPES_FAULT)
		.meta({
			description:
				'`read` looks, `send` writes to WhatsApp, `manage` changes connections, webhooks and tokens; absent = everything',
			example: ['read', 'send'],
		})
		.exactOptional(),
	connectionIds: z
		.array(z.string(CONNECTIONS_FAULT), CONNECTIONS_FAULT)
		.min(1, 'connectionIds must not be empty: leave it out for a token for all connections')
		.max(MAX_CONNECTIONS, `connectionIds must have at most ${MAX_CONNECTIONS} values`)
		.meta({
			description: 'The only connections it may touch, and nothing else of the account; absent = everything',
			example: ['3f0e0c5e-8f1c-4d0a-9a52-6c1f1c0d7f11'],
		})
		.exactOptional(),
});

/** API tokens: create (shown once), list, revoke. */
export function tokenRoutes({tokens, publicUrl}: {tokens: Tokens; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/tokens',
			target: 'account',
			scope: 'manage',
			query: pageQuery(MAX_ROWS),
			documentation: {
				id: 'listTokens',
				tag: 'Tokens',
				summary: 'List active tokens',
				answer: {
					status: 200,
					description:
						'Those that are not revoked, oldest first; expired ones too. The `Link` header leads to the next page',
					schema: z.array(TokenResource),
				},
			},
			handle: async ({user, query: {limit, cursor}}) => {
				const rows = await tokens.list(user.id, {limit: limit + 1, ...(cursor && {after: cursor})});
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/tokens`,
					positionOf: (token) => token,
				});
				return ok(items.map(presentToken), headers);
			},
		}),
		route({
			method: 'POST',
			path: '/tokens',
			target: 'account',
			scope: 'manage',
			body: NewToken,
			documentation: {
				id: 'createToken',
				tag: 'Tokens',
				summary: 'Create a token',
				description:
					'The token is in this answer and never shown again. A token cannot create one that may do more, or lives longer, than itself.',
				body: {name: 'ci', expiresAt: '2099-01-01T00:00:00.000Z', scopes: ['read', 'send']},
				answer: {status: 201, description: 'The new token', schema: CreatedTokenResource},
			},
			handle: async ({identity, body: {name, expiresAt, scopes, connectionIds}}) =>
				created(
					presentCreatedToken(
						await tokens.create(identity, {
							name,
							expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
							scopes: distinct(scopes),
							connectionIds: distinct(connectionIds),
						}),
					),
				),
		}),
		route({
			method: 'DELETE',
			path: '/tokens/:id',
			target: 'account',
			scope: 'manage',
			documentation: {
				id: 'revokeToken',
				tag: 'Tokens',
				summary: 'Revoke a token',
				description: 'Takes effect at once, also on open sockets.',
				answer: {status: 200, description: 'It is revoked', schema: SuccessResource, example: {success: true}},
			},
			handle: async ({user, param}) => {
				await tokens.revoke(user.id, param('id'));
				return ok({success: true});
			},
		}),
	];
}

function distinct<T>(values: readonly T[] | undefined): readonly T[] | null {
	return values === undefined ? null : [...new Set(values)];
}
