import {z} from 'zod';
import type {Connections} from '../../../domain/connections/connections.ts';
import {ENGINE_ERRORS} from '../engine-errors.ts';
import {line} from '../fields.ts';
import {pageQuery, toPage} from '../paging.ts';
import {CapabilitiesResource} from '../resources/capabilities.ts';
import {AccountResource, ConnectionResource, presentAccount, presentConnection} from '../resources/connection.ts';
import {created, ok, route, type Route} from '../route.ts';

/** A page, and what clients see that do not follow the `Link` header: more connections than most tenants have. */
const MAX_ROWS = 1000;

const ConnectionFields = z.object({
	name: line('name').meta({description: 'A label of your own', example: 'Shop'}).exactOptional(),
});

/** Connections: their life, and what is behind them. How a phone is linked to one is in `linking.ts`. */
export function connectionRoutes(dependencies: {connections: Connections; publicUrl: string}): readonly Route[] {
	return [...listRoutes(dependencies), ...lifeRoutes(dependencies), ...engineRoutes(dependencies)];
}

function listRoutes({connections, publicUrl}: {connections: Connections; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections',
			target: 'self',
			scope: 'read',
			query: pageQuery(MAX_ROWS),
			documentation: {
				id: 'listConnections',
				tag: 'Connections',
				summary: 'List connections',
				answer: {
					status: 200,
					description: 'Those that are not deleted, oldest first; the `Link` header leads to the next page',
					schema: z.array(ConnectionResource),
				},
			},
			handle: async ({user, identity, query}) => {
				const {limit, cursor} = query;
				const page = {limit: limit + 1, ...(cursor && {after: cursor})};
				const rows = await connections.list(user.id, page, identity.grants.connectionIds);
				const {items, headers} = toPage(rows, {
					limit,
					url: `${publicUrl}/api/connections`,
					positionOf: (connection) => connection,
				});
				return ok(items.map(presentConnection), headers);
			},
		}),
		route({
			method: 'POST',
			path: '/connections',
			target: 'account',
			scope: 'manage',
			body: ConnectionFields,
			documentation: {
				id: 'createConnection',
				tag: 'Connections',
				summary: 'Create a connection',
				description:
					'Answers when its session shows a QR code (`scan_qr`), or after 15 s at most (`pending`: it is assigned as soon as a worker has room). Where slots are sold, it takes one.',
				body: {name: 'Shop'},
				answer: {status: 201, description: 'The new connection', schema: ConnectionResource},
				errors: ['SLOTS_EXHAUSTED'],
			},
			handle: async ({user, body: {name = ''}}) =>
				created(presentConnection(await connections.create(user.id, name === '' ? null : name))),
		}),
	];
}

function lifeRoutes({connections}: {connections: Connections}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections/:id',
			target: 'connection',
			scope: 'read',
			documentation: {
				id: 'getConnection',
				tag: 'Connections',
				summary: 'Get a connection',
				answer: {status: 200, description: 'Deleted ones too', schema: ConnectionResource},
			},
			handle: ({target: connection}) => Promise.resolve(ok(presentConnection(connection))),
		}),
		route({
			method: 'PATCH',
			path: '/connections/:id',
			target: 'connection',
			scope: 'manage',
			body: ConnectionFields,
			documentation: {
				id: 'updateConnection',
				tag: 'Connections',
				summary: 'Rename a connection',
				description: 'An empty name takes it off.',
				body: {name: 'Shop'},
				answer: {status: 200, description: 'As it is now', schema: ConnectionResource},
			},
			handle: async ({target: connection, body: {name}}) =>
				ok(presentConnection(await connections.rename(connection, name === '' ? null : name))),
		}),
		route({
			method: 'DELETE',
			path: '/connections/:id',
			target: 'connection',
			scope: 'manage',
			documentation: {
				id: 'deleteConnection',
				tag: 'Connections',
				summary: 'Delete a connection',
				description: 'Unlinks the phone. Can be repeated.',
				answer: {
					status: 200,
					description: 'The connection, `stopped`, and `success`',
					schema: ConnectionResource.extend({success: z.literal(true)}).meta({id: 'DeletedConnection'}),
				},
			},
			// One client reads the connection's status, another `success`.
			handle: async ({target: connection}) =>
				ok({...presentConnection(await connections.remove(connection)), success: true}),
		}),
		route({
			method: 'POST',
			path: '/connections/:id/restart',
			target: 'connection',
			scope: 'manage',
			documentation: {
				id: 'restartConnection',
				tag: 'Connections',
				summary: 'Restart a connection',
				description:
					'Stops and starts its session. A linked phone stays linked; an unlinked one shows a new QR code, and so does one whose session the worker has lost. What takes longer than 20 s is a 504 and goes on.',
				answer: {status: 201, description: 'The connection', schema: ConnectionResource},
				errors: ENGINE_ERRORS,
			},
			handle: async ({target: connection}) => created(presentConnection(await connections.restart(connection))),
		}),
		route({
			method: 'POST',
			path: '/connections/:id/logout',
			target: 'connection',
			scope: 'manage',
			documentation: {
				id: 'logoutConnection',
				tag: 'Connections',
				summary: 'Unlink the phone',
				description: 'The connection stays and shows a new QR code. What takes longer than 20 s is a 504 and goes on.',
				answer: {status: 201, description: 'The connection', schema: ConnectionResource},
				errors: ENGINE_ERRORS,
			},
			handle: async ({target: connection}) => created(presentConnection(await connections.logout(connection))),
		}),
	];
}

/** What the engine says of a connection. */
function engineRoutes({connections}: {connections: Connections}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections/:id/me',
			target: 'connection',
			scope: 'read',
			documentation: {
				id: 'getAccount',
				tag: 'Connections',
				summary: 'Get the linked account',
				answer: {
					status: 200,
					description: 'Empty (Content-Length 0) while no phone is linked',
					schema: AccountResource,
				},
				errors: ['SESSION_NOT_FOUND', 'ENGINE_UNAVAILABLE', 'ENGINE_TIMEOUT'],
			},
			// Not linked is an empty body: one dashboard takes any object for a profile.
			handle: async ({target: connection}) => {
				const account = await connections.account(connection);
				return ok(account === null ? undefined : presentAccount(account));
			},
		}),
		route({
			method: 'GET',
			path: '/connections/:id/capabilities',
			target: 'connection',
			scope: 'read',
			documentation: {
				id: 'getCapabilities',
				tag: 'Connections',
				summary: 'What the engine of a connection can do',
				description:
					'What is `no` answers 501 with the note; `degraded` works with the restriction that the note names.',
				answer: {status: 200, description: 'By operation', schema: CapabilitiesResource},
				errors: ['NO_WORKER_AVAILABLE'],
			},
			handle: ({target: connection}) =>
				Promise.resolve(ok({engine: connection.engine, operations: connections.capabilities(connection)})),
		}),
	];
}
