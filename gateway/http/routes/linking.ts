import {z} from 'zod';
import type {Linking} from '../../../domain/connections/linking.ts';
import {flag} from '../fields.ts';
import {LinkableResource, PairingCodeResource, presentLinkable, presentQr, QrResource} from '../resources/linking.ts';
import {created, ok, route, type Route} from '../route.ts';

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

/** Bringing a phone to a connection: what to scan, or to type into the phone. */
export function linkingRoutes({linking}: {linking: Linking}): readonly Route[] {
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
				errors: ['NOT_FOUND', 'SLOTS_EXHAUSTED', 'CONNECTION_SUSPENDED'],
			},
			handle: async ({user, body: {virgin_only: virginOnly = false}}) =>
				created(presentLinkable(await linking.getOrCreate(user.id, virginOnly))),
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
				errors: ['CONNECTION_SUSPENDED', 'QR_NOT_READY', 'ENGINE_UNAVAILABLE', 'ENGINE_TIMEOUT'],
			},
			handle: async ({target: connection}) => ok(presentQr(await linking.stateOf(connection))),
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
					'CONNECTION_SUSPENDED',
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
	];
}
