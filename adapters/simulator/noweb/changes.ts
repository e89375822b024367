import {MESSAGE_ACK_EVENT} from '../../../domain/events/vocabulary.ts';
import {ACK, type Ack} from '../ack.ts';
import {groupMembers} from '../people.ts';
import type {Seed} from '../seed.ts';
import {
	ackPart,
	baileysKey,
	firstAck,
	groupPart,
	messageId,
	waMessage,
	type MessageName,
	type MessageView,
} from './message.ts';

/** Something that happened to a message, as NOWEB reports it. */
export interface Change {
	readonly event: string;
	readonly payload: object;
}

/** The message that carries a change, which has a key of its own. */
export type ChangeName = MessageName & {
	/** Unix seconds. */
	readonly timestamp: number;
};

/**
 * An acknowledgement; undefined for the one that NOWEB does not report. Groups have an event of their own, one for each reader
 * (here there is one), in which delivery counts as SERVER.
 */
export function ackChange(
	target: MessageName,
	ack: Ack,
	{seed, nowMs}: {seed: Seed; nowMs: number},
): Change | undefined {
	const {chatId, participant: me} = target;
	const id = messageId(target);
	if (me === null) {
		return {event: MESSAGE_ACK_EVENT, payload: {id, from: chatId, fromMe: true, ...ackPart(ack)}};
	}
	if (ack === ACK.SERVER) {
		return undefined;
	}
	const [participant = me] = groupMembers(seed, chatId);
	const at = Math.floor(nowMs / 1000);
	return {
		event: 'message.ack.group',
		payload: {
			id,
			from: chatId,
			to: chatId,
			participant,
			fromMe: true,
			...ackPart(ack === ACK.DEVICE ? ACK.SERVER : ack),
			_data: {
				key: {remoteJid: chatId, id: target.key, fromMe: true, participant},
				receipt: {userJid: participant, [ack >= ACK.READ ? 'readTimestamp' : 'receiptTimestamp']: at},
			},
		},
	};
}

/** @param target full id of the message @param text the emoji; empty = taken back */
export function reactionChange(name: ChangeName, target: string, text: string): Change {
	const {chatId, fromMe, timestamp} = name;
	return {
		event: 'message.reaction',
		payload: {
			id: messageId(name),
			timestamp,
			from: chatId,
			fromMe,
			source: fromMe ? 'api' : 'app',
			...groupPart(name),
			reaction: {text, messageId: target},
		},
	};
}

/** @param atMs milliseconds since the epoch */
export function editChange(
	name: ChangeName,
	{target, text, atMs, seed}: {target: MessageName; text: string; atMs: number} & Pick<MessageView, 'seed'>,
): Change {
	const protocolMessage = {
		key: baileysKey(target),
		type: 'MESSAGE_EDIT',
		editedMessage: {conversation: text},
		timestampMs: String(atMs),
	};
	const payload = waMessage(
		{...name, ack: firstAck(name)},
		{seed},
		{
			body: text,
			extra: {editedMessageId: target.key},
			content: {editedMessage: {message: {protocolMessage}}},
		},
	);
	return {event: 'message.edited', payload};
}

/** NOWEB never knows what was there `before`. */
export function revokeChange(
	name: ChangeName,
	{target, seed}: {target: MessageName} & Pick<MessageView, 'seed'>,
): Change {
	const content = {protocolMessage: {key: baileysKey(target), type: 'REVOKE'}};
	const after = waMessage({...name, ack: firstAck(name)}, {seed}, {body: null, content});
	return {
		event: 'message.revoked',
		payload: {after, before: null, revokedMessageId: target.key, _data: after._data},
	};
}
