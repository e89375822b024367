import type {ConsumeMessage, XDeath} from 'amqplib';
import type {Message, MessageHeaders} from '../../domain/ports/broker.ts';
import {writeReplyAddress} from './reply-address.ts';

/** Headers that begin like this are RabbitMQ's (`x-death`, `x-delivery-count` …), which no message of ours may carry on. */
const FOREIGN = 'x-';

/** A delivery in the words of the `Broker` port. */
export function toMessage({content, fields, properties}: ConsumeMessage): Message {
	const {headers = {}} = properties;
	const replyTo = text(properties.replyTo);
	const death = findDeath(headers['x-death']);
	return {
		id: text(properties.messageId) ?? '',
		exchange: fields.exchange,
		routingKey: fields.routingKey,
		headers: ownHeaders(headers),
		body: content,
		redelivered: fields.redelivered,
		...(replyTo !== undefined && {
			replyTo: writeReplyAddress({queue: replyTo, correlationId: text(properties.correlationId) ?? ''}),
		}),
		...(death !== undefined && {death}),
	};
}

function text(property: unknown): string | undefined {
	return typeof property === 'string' ? property : undefined;
}

function ownHeaders(headers: Record<string, unknown>): MessageHeaders {
	const own: Record<string, string | number> = {};
	for (const [name, value] of Object.entries(headers)) {
		if ((typeof value === 'string' || typeof value === 'number') && !name.startsWith(FOREIGN)) own[name] = value;
	}
	return own;
}

/** The latest death (they come newest first) that is not the end of a wait. */
function findDeath(deaths: readonly XDeath[] | undefined): Message['death'] {
	const death = deaths?.find(({reason}) => reason !== 'expired');
	return death && {queue: death.queue, reason: death.reason};
}
