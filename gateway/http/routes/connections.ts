import {z} from 'zod';
import type {Connections} from '../../../domain/connections/connections.ts';
import {line} from '../fields.ts';
import {readPage, toPage} from '../paging.ts';
import {parse} from '../parse.ts';
import {presentAccount, presentConnection} from '../present.ts';
import {created, ok, type Route} from '../route.ts';

const ConnectionFields = z.object({name: line('name').exactOptional()});

/** Connections: create, list, read, rename, delete; what to scan, and who is linked. */
export function connectionRoutes({
	connections,
	publicUrl,
}: {
	connections: Connections;
	publicUrl: string;
}): readonly Route[] {
	return [
		{
			method: 'GET',
			path: '/connections',
			handle: async ({user, query}) => {
				const {limit, position} = readPage(query);
				const rows = await connections.list(user.id, {limit: limit + 1, ...(position && {after: position})});
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/connections`,
					positionOf: (connection) => connection,
				});
				return ok(items.map(presentConnection), headers);
			},
		},
		{
			method: 'POST',
			path: '/connections',
			handle: async ({user, body}) => {
				const {name = ''} = parse(ConnectionFields, body);
				return created(presentConnection(await connections.create(user.id, name === '' ? null : name)));
			},
		},
		{
			method: 'GET',
			path: '/connections/:id',
			handle: async ({user, param}) => ok(presentConnection(await connections.get(user.id, param('id')))),
		},
		{
			method: 'PATCH',
			path: '/connections/:id',
			handle: async ({user, param, body}) => {
				const {id} = await connections.get(user.id, param('id'));
				const {name} = parse(ConnectionFields, body);
				return ok(presentConnection(await connections.rename(user.id, id, name === '' ? null : name)));
			},
		},
		{
			method: 'DELETE',
			path: '/connections/:id',
			// One client reads the connection's status, another `success`.
			handle: async ({user, param}) =>
				ok({...presentConnection(await connections.remove(user.id, param('id'))), success: true}),
		},
		{
			method: 'GET',
			path: '/connections/:id/qr',
			handle: async ({user, param}) => {
				const state = await connections.linkState(user.id, param('id'));
				if (state.kind === 'connected') {
					return ok({connected: true});
				}
				const {png, expiresAt} = state.qr;
				return ok({value: png.toString('base64'), mimetype: 'image/png', ...(expiresAt && {expiresAt})});
			},
		},
		{
			method: 'GET',
			path: '/connections/:id/me',
			// Not linked is an empty body: one dashboard takes any object for a profile.
			handle: async ({user, param}) => {
				const account = await connections.account(user.id, param('id'));
				return ok(account === null ? undefined : presentAccount(account));
			},
		},
	];
}
