import {z} from 'zod';
import type {Ticket} from '../../../domain/tokens/tickets.ts';
import {moment} from './moment.ts';

/** The only answer that shows the ticket. */
export const TicketResource = z
	.object({
		ticket: z.string().meta({example: 'wst_6f1d0c3b9a7e5d2f4c8b6a1e3d5f7a9c0b2d4e6f8a1c3e5d'}),
		expiresAt: moment.meta({description: 'A minute from now; sooner when the token ends sooner'}),
	})
	.meta({id: 'Ticket'});

export function presentTicket({ticket, expiresAt}: Ticket): z.input<typeof TicketResource> {
	return {ticket, expiresAt: expiresAt.toISOString()};
}
