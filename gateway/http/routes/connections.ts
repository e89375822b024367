import {z} from 'zod';
import type {Connections} from '../../../domain/connections/connections.ts';
import type {Linking, LinkState} from '../../../domain/connections/linking.ts';
import {flag, line} from '../fields.ts';
import {PageQuery, readPage, toPage} from '../paging.ts';
import {AccountResource, ConnectionResource, presentAccount, presentConnection} from '../resources/connection.ts';
import {CapabilitiesResource, LinkableResource, PairingCodeResource, QrResource} from '../resources/linking.ts';
import {created, ok, route, type Route} from '../route.ts';

const ConnectionFields = z.object({
	name: line('name').meta({description: 'A label of your own', example: 'Shop'}).exactOptional(),
});

const Wanted = z.object({
	virgin_only: flag('virgin_only')
		.meta({description: 'Only reuse a connection that never was linked and has no webhooks'})
		.exactOptional(),
});

const PairingRequest = z.object({
	phone: z
		.string({error: ({input}) => (input === undefined ? 'phone is required' : 'phone must be a string')})
		.transform((phone) => phone.replace(/[\s().+-]/g, ''))
		.refine((digits) => /^\d{7,15}$/.test(digits), 'phone must be a number with country code, such as +15550001111')
		.meta({description: 'The number to link, with country code', example: '+15550001111'}),
});

/** Connections: their life, what to scan, and who is linked. */
export function connectionRoutes(dependencies: {
	connections: Connections;
	linking: Linking;
	publicUrl: string;
}): readonly Route[] {
	return [...lifeRoutes(dependencies), ...linkRoutes(dependencies)];
}

function lifeRoutes({connections, publicUrl}: {connections: Connections; publicUrl: string}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/connections',
			target: 'self',
			scope: 'read',
			query: PageQuery,
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
				const {limit, position} = readPage(query);
				const page = {limit: limit + 1, ...(position && {after: position})};
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
					'Answers when its session shows a QR code (`scan_qr`), or after 15 s at most (`pending`: it is assigned as soon as a worker has room).',
				body: {name: 'Shop'},
				answer: {status: 201, description: 'The new connection', schema: ConnectionResource},
			},
			handle: async ({user, body: {name = ''}}) =>
				created(presentConnection(await connections.create(user.id, name === '' ? null : name))),
		}),
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
				description: 'Stops and starts its session. A linked phone stays linked; an unlinked one shows a new QR code.',
				answer: {status: 201, description: 'The connection', schema: ConnectionResource},
				errors: ['SESSION_NOT_FOUND', 'ENGINE_UNAVAILABLE', 'ENGINE_TIMEOUT', 'ENGINE_REFUSED'],
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
				description: 'The connection stays and shows a new QR code.',
				answer: {status: 201, description: 'The connection', schema: ConnectionResource},
				errors: ['SESSION_NOT_FOUND', 'ENGINE_UNAVAILABLE', 'ENGINE_TIMEOUT', 'ENGINE_REFUSED'],
			},
			handle: async ({target: connection}) => created(presentConnection(await connections.logout(connection))),
		}),
	];
}

function linkRoutes({connections, linking}: {connections: Connections; linking: Linking}): readonly Route[] {
	return [
		route({
			method: 'POST',
			path: '/connections/get-or-create',
			target: 'account',
			scope: 'manage',
			body: Wanted,
			documentation: {
				id: 'getOrCreateConnection',
				tag: 'Connections',
				summary: 'Get a connection to link',
				description:
					'The newest one that nobody is linked to, else a new one, with its QR code. Answers within 25 s; `qr` is null when there was none in time (`pending`), or when it is linked by now.',
				body: {virgin_only: true},
				answer: {status: 201, description: 'What to scan', schema: LinkableResource},
				// Another request deleted it meanwhile.
				errors: ['NOT_FOUND'],
			},
			handle: async ({user, body: {virgin_only: virginOnly = false}}) => {
				const {connection, state} = await linking.getOrCreate(user.id, virginOnly);
				return created({
					id: connection.id,
					status: state === undefined ? 'pending' : state.kind === 'qr' ? 'scan_qr' : 'connected',
					qr: state?.kind === 'qr' ? state.qr.png.toString('base64') : null,
					expiresAt: expiryOf(state),
				});
			},
		}),
		route({
			method: 'GET',
			path: '/connections/:id/qr',
			target: 'connection',
			scope: 'manage',
			documentation: {
				id: 'getQr',
				tag: 'Connections',
				summary: 'Get the QR code to scan',
				description:
					'Codes change every 20 to 60 s: ask again at `expiresAt`, or every few seconds. While there is none the answer is 503, with the cause in `reason`.',
				answer: {
					status: 200,
					description: 'The code as a PNG in base64, or that a phone is linked',
					schema: QrResource,
				},
				errors: ['QR_NOT_READY', 'ENGINE_UNAVAILABLE', 'ENGINE_TIMEOUT'],
			},
			handle: async ({target: connection}) => {
				const state = await linking.stateOf(connection);
				const expiresAt = expiryOf(state);
				return ok(
					state.kind === 'connected'
						? {connected: true, reason: 'linked', expiresAt}
						: {value: state.qr.png.toString('base64'), mimetype: 'image/png', expiresAt, reason: 'waiting_for_scan'},
				);
			},
		}),
		route({
			method: 'POST',
			path: '/connections/:id/pairing-code',
			target: 'connection',
			scope: 'manage',
			body: PairingRequest,
			documentation: {
				id: 'requestPairingCode',
				tag: 'Connections',
				summary: 'Get a pairing code',
				description: 'The other way to link: type the code into the phone (Linked devices → Link with phone number).',
				body: {phone: '+15550001111'},
				answer: {status: 201, description: 'The code', schema: PairingCodeResource, example: {code: 'ABCD-EFGH'}},
				errors: [
					'CONFLICT',
					'QR_NOT_READY',
					'RECIPIENT_INVALID',
					'NOT_SUPPORTED',
					'ENGINE_UNAVAILABLE',
					'ENGINE_TIMEOUT',
				],
			},
			handle: async ({target: connection, body: {phone}}) =>
				created({code: await linking.requestPairingCode(connection, phone)}),
		}),
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

function expiryOf(state: LinkState | undefined): string | null {
	return state?.kind === 'qr' ? (state.qr.expiresAt?.toISOString() ?? null) : null;
}
