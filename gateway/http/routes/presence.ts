import {z} from 'zod';
import type {Connection} from '../../../domain/connections/connection.ts';
import type {CommandOutcome} from '../../../domain/messaging/command-outcome.ts';
import type {Messaging} from '../../../domain/messaging/messaging.ts';
import {doneAnswer} from '../command-answer.ts';
import {chatId} from '../message-fields.ts';
import {SuccessResource} from '../resources/success.ts';
import {route, type Route} from '../route.ts';
import {COMMAND_ERRORS} from '../sending.ts';

const Place = z.object({chatId: chatId('chatId is required')});

interface Sign {
	/** Of the path. */
	readonly name: string;
	readonly id: string;
	readonly summary: string;
	readonly give: (connection: Connection, chatId: string) => Promise<CommandOutcome>;
}

/** What others see of us in a chat. Nothing of it waits first. */
export function presenceRoutes({messaging}: {messaging: Messaging}): readonly Route[] {
	const signs: readonly Sign[] = [
		{
			name: 'mark-read',
			id: 'markRead',
			summary: 'Mark a chat as read',
			give: (connection, chat) => messaging.markRead(connection, chat),
		},
		{
			name: 'typing',
			id: 'startTyping',
			summary: 'Show that you are typing',
			give: (connection, chat) => messaging.typing(connection, chat, true),
		},
		{
			name: 'typing/stop',
			id: 'stopTyping',
			summary: 'Show that you stopped typing',
			give: (connection, chat) => messaging.typing(connection, chat, false),
		},
	];
	return signs.map(({name, id, summary, give}) =>
		route({
			method: 'POST',
			path: `/connections/:id/${name}`,
			target: 'connection',
			scope: 'send',
			body: Place,
			documentation: {
				id,
				tag: 'Presence',
				summary,
				queued: true,
				body: {chatId: '15550110000@c.us'},
				answer: {status: 201, description: 'It is shown', schema: SuccessResource, example: {success: true}},
				errors: COMMAND_ERRORS,
			},
			handle: async ({target, body}) => doneAnswer(await give(target, body.chatId)),
		}),
	);
}
