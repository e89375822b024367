import {randomUUID} from 'node:crypto';
import type {Channel, Options} from 'amqplib';
import {
	allExchanges,
	allQueues,
	type ExchangeDeclaration,
	type QueueDeclaration,
	type Topology,
} from '../../domain/broker/topology.ts';
import {SetupError} from '../../domain/errors.ts';

/** RabbitMQ 4 gives quorum queues a delivery limit of 20 unless told otherwise; -1 for none is not known to older ones. */
const NO_DELIVERY_LIMIT = 2 ** 31 - 1;

/** Reply codes of AMQP that only an operator can do something about. */
const ACCESS_REFUSED = 403;
const PRECONDITION_FAILED = 406;

/**
 * A queue that hands on what leaves it only when the next queue has confirmed. Without `reject-publish` RabbitMQ falls
 * back to at-most-once and just logs it.
 */
const AT_LEAST_ONCE = {
	'x-queue-type': 'quorum',
	'x-dead-letter-strategy': 'at-least-once',
	'x-overflow': 'reject-publish',
} as const;

/**
 * Declares all exchanges, queues and bindings (but broadcast queues, which come and go with their consumers). Idempotent.
 * @throws {SetupError} something exists with other arguments, or the user may not declare.
 */
export async function declareTopology(channel: Channel, topology: Topology): Promise<void> {
	for (const exchange of allExchanges(topology)) {
		await declareExchange(channel, exchange);
	}
	for (const queue of allQueues(topology)) {
		if (queue.kind !== 'broadcast') await declareQueue(channel, queue);
	}
}

/**
 * Declares one queue and its bindings. Resolves to its name, which for a broadcast queue is a new one each time.
 * @throws {SetupError} it exists with other arguments, or the user may not declare it.
 */
export async function declareQueue(channel: Channel, queue: QueueDeclaration): Promise<string> {
	const name = queue.kind === 'broadcast' ? `${queue.name}.${randomUUID()}` : queue.name;
	try {
		await channel.assertQueue(name, queueOptions(queue));
		for (const {exchange, routingKey} of queue.bindings) {
			await channel.bindQueue(name, exchange, routingKey);
		}
		return name;
	} catch (error) {
		throw explain(error, `queue ${name}`, `rabbitmqctl delete_queue ${name}`);
	}
}

async function declareExchange(channel: Channel, {name, type}: ExchangeDeclaration): Promise<void> {
	try {
		await channel.assertExchange(name, type, {durable: true});
	} catch (error) {
		throw explain(error, `exchange ${name}`, 'in the management UI, under Exchanges');
	}
}

function queueOptions(queue: QueueDeclaration): Options.AssertQueue {
	switch (queue.kind) {
		case 'work':
			return {
				arguments: {
					...AT_LEAST_ONCE,
					'x-delivery-limit': queue.deliveryLimit,
					'x-dead-letter-exchange': queue.deadLetterExchange,
					...(queue.singleActiveConsumer && {'x-single-active-consumer': true}),
				},
			};
		case 'wait':
			// Without a dead-letter routing key the message keeps its own, which names the queue it comes back to.
			return {
				arguments: {
					...AT_LEAST_ONCE,
					'x-message-ttl': queue.ttlMs,
					'x-dead-letter-exchange': queue.deadLetterExchange,
				},
			};
		case 'dead':
			return {arguments: {'x-queue-type': 'quorum', 'x-delivery-limit': NO_DELIVERY_LIMIT}};
		case 'volatile':
			return {
				arguments: {
					'x-queue-type': 'classic',
					'x-message-ttl': queue.ttlMs,
					'x-max-length': queue.maxLength,
					'x-overflow': 'drop-head',
					...(queue.deadLetterExchange !== undefined && {'x-dead-letter-exchange': queue.deadLetterExchange}),
				},
			};
		case 'broadcast':
			return {exclusive: true, autoDelete: true, durable: false, arguments: {'x-queue-type': 'classic'}};
	}
}

function explain(error: unknown, what: string, howToDelete: string): unknown {
	const code = error instanceof Error && 'code' in error ? error.code : undefined;
	if (code === PRECONDITION_FAILED) {
		return new SetupError(
			`RabbitMQ has a ${what} with other arguments: delete it when it is empty (${howToDelete}), or give it a new version in config/topology.ts`,
			{cause: error},
		);
	}
	if (code === ACCESS_REFUSED) {
		return new SetupError(
			`The RabbitMQ user may not declare ${what}: grant it configure, write and read (rabbitmqctl set_permissions), or set another AMQP_URL`,
			{cause: error},
		);
	}
	return error;
}
