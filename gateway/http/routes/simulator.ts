import {z} from 'zod';
import {
	MAX_DRAWN_BYTES,
	MEDIA_AVAILABILITIES,
	SIMULATED_TYPES,
	type SimulatorControl,
} from '../../../domain/ports/simulator-control.ts';
import {flag, line} from '../fields.ts';
import {created, route, type Route, type RouteDocumentation} from '../route.ts';

const from = line('from', {required: 'from is required'});
const messageId = line('messageId', {required: 'messageId is required', maxLength: 300});
const share = (field: string): z.ZodNumber =>
	z.number(`${field} must be a number`).min(0, `${field} must be 0 to 1`).max(1, `${field} must be 0 to 1`);

const SIZE_FAULT = `sizeBytes must be 1 to ${MAX_DRAWN_BYTES}`;

const IncomingMessage = z.object({
	from,
	group: line('group')
		.meta({description: 'Written in this group instead', example: '120363000000000000@g.us'})
		.exactOptional(),
	text: z.string('text must be a string').meta({description: 'The text, or a caption'}).exactOptional(),
	type: z
		.enum(SIMULATED_TYPES, `type must be one of ${SIMULATED_TYPES.join(', ')}`)
		.meta({description: 'Default text, or what fits the media'})
		.exactOptional(),
	media: z
		.object(
			{
				data: z.string('media.data must be base64').meta({contentEncoding: 'base64'}),
				mimetype: line('media.mimetype', {required: 'media.mimetype is required'}),
				filename: line('media.filename').exactOptional(),
			},
			'media must be an object of data, mimetype and filename',
		)
		.meta({description: 'A file of your own, small enough for a body of 1 MB; without it a real one is drawn'})
		.exactOptional(),
	sizeBytes: z
		.int('sizeBytes must be a whole number')
		.min(1, SIZE_FAULT)
		.max(MAX_DRAWN_BYTES, SIZE_FAULT)
		.meta({description: 'A document of this size, made while it is read'})
		.exactOptional(),
});
const Reaction = z.object({messageId, from, reaction: line('reaction')});
const Acknowledgement = z.object({
	messageId,
	ack: z.literal([-1, 1, 2, 3, 4], 'ack must be 1 (server), 2 (device), 3 (read), 4 (played) or -1 (error)'),
});
const Restriction = z.object({
	until: z.iso.datetime({offset: true, error: 'until must be a date and time in ISO 8601'}),
});
const Happened = z.looseObject({success: z.literal(true)});
const Chaos = z.object({
	drop: share('drop').exactOptional(),
	duplicate: share('duplicate').exactOptional(),
	reorder: share('reorder').exactOptional(),
	deaf: flag('deaf').exactOptional(),
	media: z
		.enum(MEDIA_AVAILABILITIES, `media must be one of ${MEDIA_AVAILABILITIES.join(', ')}`)
		.meta({
			description: '`expired`: links of events are dead, as after 180 s; `gone`: the files cannot be had any more',
		})
		.exactOptional(),
});

interface Action<Body extends z.ZodObject> {
	/** Of the path; its operation is called `simulator…`. */
	readonly name: string;
	readonly summary: string;
	readonly schema?: Body;
	readonly example?: unknown;
	/** Beside those that all have. */
	readonly errors?: RouteDocumentation['errors'];
	/** Resolves to what the answer tells beside `success`, if anything. */
	readonly act: (session: string, body: z.output<Body>) => Promise<unknown>;
}

/** What a simulated phone and its contacts do, on demand: only for the caller's own connections, only with the simulator. */
export function simulatorRoutes({simulator}: {simulator: SimulatorControl}): readonly Route[] {
	return [
		action({
			name: 'scan',
			summary: 'Scan the QR code',
			errors: ['QR_NOT_READY'],
			act: (session) => simulator.scan(session),
		}),
		action({
			name: 'message-from',
			summary: 'A contact writes',
			schema: IncomingMessage,
			example: {from: '15550110000', text: 'Hello'},
			errors: ['RECIPIENT_NOT_ON_WHATSAPP', 'RECIPIENT_BLOCKED'],
			act: (session, message) => simulator.receive(session, message),
		}),
		action({
			name: 'react',
			summary: 'A contact reacts to a message',
			schema: Reaction,
			example: {messageId: 'true_15550110000@c.us_3EB0…', from: '15550110000', reaction: '👍'},
			errors: ['RECIPIENT_NOT_ON_WHATSAPP', 'RECIPIENT_BLOCKED'],
			act: (session, {messageId, from, reaction}) => simulator.react(session, messageId, from, reaction),
		}),
		action({
			name: 'ack',
			summary: 'A sent message is acknowledged',
			schema: Acknowledgement,
			example: {messageId: 'true_15550110000@c.us_3EB0…', ack: 3},
			act: (session, {messageId, ack}) => simulator.acknowledge(session, messageId, ack),
		}),
		action({
			name: 'go-offline',
			summary: 'The phone loses its network',
			act: (session) => simulator.goOffline(session),
		}),
		action({name: 'go-online', summary: 'The phone is back', act: (session) => simulator.goOnline(session)}),
		action({name: 'log-out', summary: 'The phone unlinks this device', act: (session) => simulator.logOut(session)}),
		action({
			name: 'restrict',
			summary: 'WhatsApp restricts the account from new chats',
			schema: Restriction,
			example: {until: '2030-01-01T00:00:00Z'},
			act: (session, {until}) => simulator.restrict(session, new Date(until)),
		}),
		action({
			name: 'chaos',
			summary: 'Switch misbehaviour on',
			schema: Chaos,
			example: {drop: 0.1, duplicate: 0.1},
			act: (session, settings) => simulator.setChaos(session, settings),
		}),
	];
}

function action<Body extends z.ZodObject>({name, summary, schema, example, errors = [], act}: Action<Body>): Route {
	return route({
		method: 'POST',
		path: `/simulator/connections/:id/${name}`,
		target: 'connection',
		scope: 'manage',
		...(schema !== undefined && {body: schema}),
		documentation: {
			id: `simulator${name.replace(/(^|-)(\w)/g, (_match, _dash, letter: string) => letter.toUpperCase())}`,
			tag: 'Simulator',
			summary,
			...(example !== undefined && {body: example}),
			answer: {status: 201, description: 'It happened', schema: Happened, example: {success: true}},
			errors: ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'ENGINE_TIMEOUT', ...errors],
		},
		handle: async ({target: {sessionName}, body}) =>
			created({success: true, ...((await act(sessionName, body)) as object | undefined)}),
	});
}
