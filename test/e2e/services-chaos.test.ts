import {RabbitMqNode} from '../support/rabbitmq-node.ts';
import {requireServices} from '../support/services.ts';
import {createWorld} from '../support/world.ts';
import {killEach, runChaos} from './chaos.ts';

const {test: serviceTest, urls} = await requireServices('mongodb', 'redis');

// A node of its own: this test restarts it.
const hasServer = RabbitMqNode.isInstalled();
if (!hasServer && process.env['CI'] !== undefined) throw new Error('missing in CI: rabbitmq-server');
const test = hasServer ? serviceTest : serviceTest.skip;

test('seven processes: kill -9 of each in turn and a restart of RabbitMQ lose nothing that was accepted', async (t) => {
	t.timeout(240_000);
	await using node = await RabbitMqNode.start();
	await using world = await createWorld({amqpUrl: node.url, mongodbUrl: urls.mongodb, redisUrl: urls.redis});
	const restart = {
		name: 'restart RabbitMQ',
		strike: async () => {
			await node.stop();
			await node.start();
		},
	};
	await runChaos(t, world, [...killEach(world), restart]);
});
