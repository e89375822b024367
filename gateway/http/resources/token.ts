import {z} from 'zod';
import {SCOPES} from '../../../domain/tokens/grants.ts';
import type {ApiToken} from '../../../domain/tokens/token.ts';
import type {CreatedToken} from '../../../domain/tokens/tokens.ts';
import {moment, nullableMoment} from './moment.ts';

/** A token as lists show it; what it is itself is shown once, at its creation. */
export const TokenResource = z
	.object({
		id: z.uuid(),
		name: z.string(),
		tokenPrefix: z.string().meta({description: 'Its first 10 characters and dots', example: 'wh_0b730ac...'}),
		active: z.boolean(),
		lastUsedAt: nullableMoment.meta({description: 'Noted at most once a minute'}),
		createdAt: moment,
		prefix: z.string().meta({description: 'Its first 10 characters', example: 'wh_0b730ac'}),
		expiresAt: nullableMoment,
		scopes: z.array(z.enum(SCOPES)).nullable().meta({description: 'null = everything'}),
		connectionIds: z.array(z.string()).nullable().meta({description: 'null = all connections, and the account itself'}),
	})
	.meta({id: 'Token'});

/** The only answer that shows the token itself. */
export const CreatedTokenResource = TokenResource.extend({token: z.string()}).meta({id: 'CreatedToken'});

/** `tokenPrefix` for some clients, `prefix` for the one that appends its own dots. */
export function presentToken(token: ApiToken): z.input<typeof TokenResource> {
	return {
		id: token.id,
		name: token.name,
		tokenPrefix: `${token.prefix}...`,
		active: token.active,
		lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
		createdAt: token.createdAt.toISOString(),
		prefix: token.prefix,
		expiresAt: token.expiresAt?.toISOString() ?? null,
		scopes: token.scopes === null ? null : [...token.scopes],
		connectionIds: token.connectionIds === null ? null : [...token.connectionIds],
	};
}

export function presentCreatedToken({stored, token}: CreatedToken): z.input<typeof CreatedTokenResource> {
	const {id, name, ...rest} = presentToken(stored);
	return {id, name, token, ...rest};
}
