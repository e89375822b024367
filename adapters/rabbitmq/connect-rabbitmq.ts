import type {Topology} from '../../domain/broker/topology.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {AmqpConnection} from './amqp-connection.ts';
import {RabbitMqBroker} from './rabbitmq-broker.ts';
import {RabbitMqHealthCheck} from './rabbitmq-health-check.ts';

/** Ingestion must answer within 5 s. */
const PUBLISH_TIMEOUT_MS = 5000;
/** Docker Compose starts everything at once, and RabbitMQ needs its time. */
const CONNECT_TIMEOUT_MS = 30_000;

export interface RabbitMqOptions {
	/** `amqp://user:password@host:5672/vhost`, or `amqps://` for TLS. */
	readonly url: string;
	readonly topology: Topology;
	readonly clock: Clock;
	readonly log: Logger;
	/** From `publish` to the confirm; default 5000. */
	readonly publishTimeoutMs?: number;
	/** How long a server that does not answer is given to start; default 30,000. */
	readonly connectTimeoutMs?: number;
}

/** What a process has of RabbitMQ. */
export interface RabbitMq {
	/** Disposing it closes the connections. */
	readonly broker: RabbitMqBroker;
	readonly healthCheck: RabbitMqHealthCheck;
}

/**
 * Connects to RabbitMQ and declares the topology. Once connected, it comes back by itself after every loss.
 * @throws {SetupError} nothing answers, user or virtual host is refused, the server is too old or lacks a feature flag, or a
 * queue exists with other arguments.
 */
export async function connectRabbitMq(options: RabbitMqOptions): Promise<RabbitMq> {
	const {connectTimeoutMs = CONNECT_TIMEOUT_MS, publishTimeoutMs = PUBLISH_TIMEOUT_MS} = options;
	const publishing = new AmqpConnection({...options, name: 'wahooks publishing'});
	const consuming = new AmqpConnection({...options, name: 'wahooks consuming'});
	await publishing.connect(connectTimeoutMs);
	try {
		await consuming.connect(connectTimeoutMs);
	} catch (error) {
		await publishing.close();
		throw error;
	}
	const broker = new RabbitMqBroker({...options, publishing, consuming, publishTimeoutMs});
	await broker.whenOpen();
	return {broker, healthCheck: new RabbitMqHealthCheck({connections: [publishing, consuming]})};
}
