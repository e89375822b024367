import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {AmqpConnection} from './amqp-connection.ts';

/** Whether RabbitMQ answers on both connections and takes messages (no memory or disk alarm). */
export class RabbitMqHealthCheck implements HealthCheck {
	readonly dependency = 'broker';
	readonly #connections: readonly AmqpConnection[];

	constructor({connections}: {connections: readonly AmqpConnection[]}) {
		this.#connections = connections;
	}

	async check(signal: AbortSignal): Promise<void> {
		await Promise.all(this.#connections.map((connection) => connection.check(signal)));
	}
}
