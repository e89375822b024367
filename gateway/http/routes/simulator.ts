import {z} from 'zod';
import type {Connections} from '../../../domain/connections/connections.ts';
import type {SimulatorControl} from '../../../domain/ports/simulator-control.ts';
import {line} from '../fields.ts';
import {parse} from '../parse.ts';
import {created, type Route} from '../route.ts';

const from = line('from', {required: 'from is required'});
const messageId = line('messageId', {required: 'messageId is required', maxLength: 300});
const share = (field: string): z.ZodNumber =>
	z.number(`${field} must be a number`).min(0, `${field} must be 0 to 1`).max(1, `${field} must be 0 to 1`);

const IncomingMessage = z.object({
	from,
	text: z.string('text must be a string').exactOptional(),
	type: z.enum(['text', 'image'], 'type must be text or image').exactOptional(),
});
const Reaction = z.object({messageId, from, reaction: line('reaction')});
const Acknowledgement = z.object({
	messageId,
	ack: z.literal([-1, 1, 2, 3, 4], 'ack must be 1 (server), 2 (device), 3 (read), 4 (played) or -1 (error)'),
});
const Restriction = z.object({
	until: z.iso.datetime({offset: true, error: 'until must be a date and time in ISO 8601'}),
});
const Chaos = z.object({
	drop: share('drop').exactOptional(),
	duplicate: share('duplicate').exactOptional(),
	reorder: share('reorder').exactOptional(),
	deaf: z.boolean('deaf must be a boolean value').exactOptional(),
});

/** What a simulated phone and its contacts do, on demand: only for the caller's own connections, only with the simulator. */
export function simulatorRoutes({
	connections,
	simulator,
}: {
	connections: Connections;
	simulator: SimulatorControl;
}): readonly Route[] {
	/** @param act resolves to what the answer tells beside `success`, if anything */
	const action = (name: string, act: (session: string, body: unknown) => Promise<unknown>): Route => ({
		method: 'POST',
		path: `/simulator/connections/:id/${name}`,
		handle: async ({user, param, body}) => {
			const {sessionName} = await connections.get(user.id, param('id'));
			const told = await act(sessionName, body);
			return created({success: true, ...(told as object | undefined)});
		},
	});
	return [
		action('scan', (session) => simulator.scan(session)),
		action('message-from', (session, body) => simulator.receive(session, parse(IncomingMessage, body))),
		action('react', (session, body) => {
			const {messageId, from, reaction} = parse(Reaction, body);
			return simulator.react(session, messageId, from, reaction);
		}),
		action('ack', (session, body) => {
			const {messageId, ack} = parse(Acknowledgement, body);
			return simulator.acknowledge(session, messageId, ack);
		}),
		action('go-offline', (session) => simulator.goOffline(session)),
		action('go-online', (session) => simulator.goOnline(session)),
		action('log-out', (session) => simulator.logOut(session)),
		action('restrict', (session, body) => simulator.restrict(session, new Date(parse(Restriction, body).until))),
		action('chaos', (session, body) => simulator.setChaos(session, parse(Chaos, body))),
	];
}
