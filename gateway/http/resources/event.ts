import {z} from 'zod';
import type {LoggedEvent} from '../../../domain/ports/event-store.ts';
import {moment} from './moment.ts';

/** An event as webhooks and sockets get it. */
export const EventResource = z
	.looseObject({
		id: z.string().meta({example: 'evt_01KWXF53SB4T2M6Q8R0V1X3Z5B'}),
		event: z.string().meta({example: 'message'}),
		connectionId: z.string().nullable().meta({description: 'Null for what concerns the account as a whole'}),
		session: z.string().nullable(),
		timestamp: moment,
		payload: z.unknown().meta({description: 'As the engine gives it'}),
	})
	.meta({id: 'Event'});

export function presentEvent({body}: LoggedEvent): z.input<typeof EventResource> {
	return JSON.parse(body) as z.input<typeof EventResource>;
}
