import type {ChannelModel} from 'amqplib';
import test from 'ava';
import {checkServer} from '../../adapters/rabbitmq/check-server.ts';
import {connectRabbitMq} from '../../adapters/rabbitmq/connect-rabbitmq.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {SetupError} from '../../domain/errors.ts';
import {smallTopology} from '../contracts/broker.contract.ts';
import {RabbitMqNode} from '../support/rabbitmq-node.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

const onNode = RabbitMqNode.isInstalled() ? test : test.skip;

onNode(
	'a server whose feature flags were not enabled after an upgrade is refused with the command that does it',
	async (t) => {
		await using node = await RabbitMqNode.start({RABBITMQ_FEATURE_FLAGS: 'quorum_queue'});
		const options = {url: node.url, topology: smallTopology(), clock: new SystemClock(), log: new RecordingLogger()};
		await t.throwsAsync(connectRabbitMq(options), {
			instanceOf: SetupError,
			message: /stream_queue.*rabbitmqctl enable_feature_flag all/,
		});
	},
);

test('a server that is too old, or no RabbitMQ, is refused', async (t) => {
	for (const [product, version] of [
		['RabbitMQ', '3.9.29'],
		['RabbitMQ', '2.8.7'],
		['LavinMQ', '2.4.0'],
	] as const) {
		await t.throwsAsync(checkServer(serverThatSays(product, version)), {
			instanceOf: SetupError,
			message: new RegExp(`${product} ${version}.*3\\.10 or later`),
		});
	}
});

test('a server of which the feature flags cannot be off is not probed', async (t) => {
	await t.notThrowsAsync(checkServer(serverThatSays('RabbitMQ', '4.1.2')));
});

/** Nothing but the greeting: whoever asks for more fails. */
function serverThatSays(product: string, version: string): ChannelModel {
	return {connection: {serverProperties: {product, version}}} as unknown as ChannelModel;
}
