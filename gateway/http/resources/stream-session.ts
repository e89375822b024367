import {z} from 'zod';
import type {StreamSession} from '../../ws/stream-sessions.ts';
import {moment} from './moment.ts';

/** A client of the live stream, as its user sees it. */
export const StreamSessionResource = z
	.object({
		id: z.uuid(),
		transport: z.enum(['websocket', 'socket.io', 'sse']),
		connectedAt: moment,
		address: z.string().nullable().meta({description: 'Where it comes from', example: '203.0.113.7'}),
		userAgent: z.string().nullable().meta({description: 'What it says of itself', example: 'python-socketio/5'}),
		tokenId: z.uuid().nullable().meta({description: 'By which token it came; null = a sign-in'}),
		events: z.array(z.string()).nullable().meta({description: 'What it subscribed to; null = everything'}),
		connectionIds: z.array(z.string()).nullable().meta({description: 'Of which connections; null = all'}),
		lag: z.object({
			live: z.boolean().meta({description: 'False while it is being brought up to date from the log'}),
			bufferedBytes: z.int().meta({description: 'What it has not taken yet', example: 0}),
		}),
	})
	.meta({id: 'StreamSession'});

export function presentStreamSession(session: StreamSession): z.input<typeof StreamSessionResource> {
	const {userId: _, isLive, bufferedBytes, events, connectionIds, ...rest} = session;
	return {
		...rest,
		events: events && [...events],
		connectionIds: connectionIds && [...connectionIds],
		lag: {live: isLive, bufferedBytes},
	};
}
