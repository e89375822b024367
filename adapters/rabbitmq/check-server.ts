import {randomUUID} from 'node:crypto';
import type {ChannelModel} from 'amqplib';
import {SetupError} from '../../domain/errors.ts';
import {openChannel} from './open-channel.ts';

/** At-least-once dead-lettering and message TTL on quorum queues came with 3.10. */
const OLDEST = {major: 3, minor: 10};
/** From this one on, the feature flag cannot be off. */
const FLAG_REQUIRED_SINCE_MAJOR = 4;
/** How RabbitMQ closes the whole connection when a queue type's feature flag is off. */
const INTERNAL_ERROR = 541;

/**
 * Checks that the server can do what the topology relies on: without the feature flag `stream_queue` it takes at-least-once
 * queues, and then quietly dead-letters at most once.
 * @throws {SetupError} it is no RabbitMQ, too old, or the flag is off.
 */
export async function checkServer(model: ChannelModel): Promise<void> {
	const {product, version} = model.connection.serverProperties;
	const [major = 0, minor = 0] = version.split('.').map(Number);
	if (product !== 'RabbitMQ' || major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
		throw new SetupError(
			`AMQP_URL leads to ${product} ${version}: RabbitMQ ${OLDEST.major}.${OLDEST.minor} or later is needed`,
		);
	}
	if (major < FLAG_REQUIRED_SINCE_MAJOR && !(await hasStreams(model))) {
		throw new SetupError(
			'RabbitMQ runs without its feature flag stream_queue, which safe dead-lettering needs: run `rabbitmqctl enable_feature_flag all`',
		);
	}
}

/** AMQP does not tell feature flags: whether a stream can be declared does. */
async function hasStreams(model: ChannelModel): Promise<boolean> {
	let closedWith: unknown;
	model.once('error', (error: Error & {code?: unknown}) => {
		closedWith = error.code;
	});
	const {value: channel, close} = await openChannel(model.createChannel());
	const name = `wahooks.stream-check.${randomUUID()}`;
	try {
		await channel.assertQueue(name, {arguments: {'x-queue-type': 'stream'}});
		await channel.deleteQueue(name);
		await close();
		return true;
	} catch (error) {
		if (closedWith === INTERNAL_ERROR) return false;
		throw error;
	}
}
