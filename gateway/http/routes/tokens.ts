import {z} from 'zod';
import type {Tokens} from '../../../domain/tokens/tokens.ts';
import {line} from '../fields.ts';
import {parse} from '../parse.ts';
import {presentCreatedToken, presentToken} from '../present.ts';
import {created, ok, type Route} from '../route.ts';

const NewToken = z.object({name: line('name', {required: 'name is required'})});

/** API tokens: create (shown once), list, revoke. */
export function tokenRoutes({tokens}: {tokens: Tokens}): readonly Route[] {
	return [
		{
			method: 'GET',
			path: '/tokens',
			handle: async ({user}) => ok((await tokens.list(user.id)).map(presentToken)),
		},
		{
			method: 'POST',
			path: '/tokens',
			handle: async ({user, body}) => {
				const {name} = parse(NewToken, body);
				return created(presentCreatedToken(await tokens.create(user.id, name)));
			},
		},
		{
			method: 'DELETE',
			path: '/tokens/:id',
			handle: async ({user, param}) => {
				await tokens.revoke(user.id, param('id'));
				return ok({success: true});
			},
		},
	];
}
