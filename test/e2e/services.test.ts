import {requireServices} from '../support/services.ts';
import {createWorld} from '../support/world.ts';
import {runMainJob} from './main-job.ts';

const {test, urls} = await requireServices('rabbitmq', 'mongodb', 'redis');

test('seven processes on RabbitMQ, MongoDB and Redis: every sample event is found once at the webhook, on the socket and in the log', async (t) => {
	t.timeout(120_000);
	await using world = await createWorld({amqpUrl: urls.rabbitmq, mongodbUrl: urls.mongodb, redisUrl: urls.redis});
	await runMainJob(t, world);
});
