import {MeResource, presentMe} from '../resources/user.ts';
import {ok, route, type Route} from '../route.ts';

/** Who am I. */
export function accountRoutes(): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/me',
			target: 'self',
			scope: 'read',
			documentation: {
				id: 'getMe',
				tag: 'Account',
				summary: 'Show who is calling',
				answer: {status: 200, description: 'The user of the token or of the sign-in', schema: MeResource},
			},
			handle: ({user}) => Promise.resolve(ok(presentMe(user))),
		}),
	];
}
