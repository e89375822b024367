import {z} from 'zod';
import type {GrantedSlots} from '../../../domain/billing/granted-slots.ts';
import {ValidationError} from '../../../domain/errors.ts';
import type {Users} from '../../../domain/tokens/users.ts';
import type {InfrastructureOverview} from '../../../domain/workers/infrastructure-overview.ts';
import {flag} from '../fields.ts';
import {pageQuery, toPage} from '../paging.ts';
import {InfrastructureResource, presentInfrastructure} from '../resources/infrastructure.ts';
import {presentUser, UserResource} from '../resources/user.ts';
import {ok, route, type Route} from '../route.ts';

const MAX_ROWS = 100;

/** More than anybody runs. */
const MAX_SLOTS = 100_000;

const SLOTS = `slots must be a whole number from 0 to ${MAX_SLOTS}`;

const UserChanges = z.object({
	disabled: flag('disabled').exactOptional(),
	slots: z
		.int(SLOTS)
		.min(0, SLOTS)
		.max(MAX_SLOTS, SLOTS)
		.meta({description: 'How many connections he may run beside those that he pays for here', example: 5})
		.exactOptional(),
});

/** For administrators: workers and users of the whole installation. */
export function adminRoutes({
	infrastructure,
	users,
	grantedSlots,
	publicUrl,
}: {
	infrastructure: InfrastructureOverview;
	users: Users;
	grantedSlots: GrantedSlots;
	publicUrl: string;
}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/infrastructure',
			target: 'admin',
			scope: 'read',
			documentation: {
				id: 'getInfrastructure',
				tag: 'Admin',
				summary: 'Show workers and how full they are',
				description: 'Answers within seconds, also when a worker does not.',
				answer: {status: 200, description: 'As of now', schema: InfrastructureResource},
			},
			handle: async () => ok(presentInfrastructure(await infrastructure.show())),
		}),
		route({
			method: 'GET',
			path: '/infrastructure/users',
			target: 'admin',
			scope: 'read',
			query: pageQuery(MAX_ROWS),
			documentation: {
				id: 'listUsers',
				tag: 'Admin',
				summary: 'List users',
				answer: {
					status: 200,
					description: 'Disabled ones too, oldest first; the `Link` header leads to the next page',
					schema: z.array(UserResource),
				},
			},
			handle: async ({query}) => {
				const {limit, cursor} = query;
				const rows = await users.list({limit: limit + 1, ...(cursor && {after: cursor})});
				const url = `${publicUrl}/api/infrastructure/users`;
				const {items, headers} = toPage(rows, {limit, url, positionOf: (user) => user});
				const slots = await grantedSlots.of(items.map(({id}) => id));
				return ok(
					items.map((user) => presentUser(user, slots.get(user.id))),
					headers,
				);
			},
		}),
		route({
			method: 'PATCH',
			path: '/infrastructure/users/:id',
			target: 'admin',
			scope: 'manage',
			body: UserChanges,
			documentation: {
				id: 'updateUser',
				tag: 'Admin',
				summary: 'Disable or enable a user, or give him slots',
				description:
					'`slots` is for those who do not pay here, and for all where `BILLING=manual`; fewer than he uses suspends his newest connections. A disabled user’s tokens and sign-ins are refused and his sockets closed, at once; nothing of his is deleted. Administrators cannot disable themselves.',
				params: {id: {description: 'The user', example: '1b4e28ba-2fa1-41d2-883f-0016d3cca427'}},
				body: {disabled: false, slots: 5},
				answer: {status: 200, description: 'As he is now', schema: UserResource},
			},
			handle: async ({user, param, body: {disabled, slots}}) => {
				if (disabled === undefined && slots === undefined) {
					throw new ValidationError('Say what to change: disabled, slots, or both');
				}
				const id = param('id');
				if (disabled !== undefined) await users.setDisabled(user, id, disabled);
				if (slots !== undefined) await grantedSlots.set(id, slots);
				return ok(presentUser(await users.get(id), (await grantedSlots.of([id])).get(id)));
			},
		}),
	];
}
