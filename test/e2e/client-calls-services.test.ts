import {requireServices} from '../support/services.ts';
import {createWorld} from '../support/world.ts';
import {runClientCalls} from './client-calls.ts';

const {test, urls} = await requireServices('rabbitmq', 'mongodb', 'redis');

for (const engine of ['NOWEB', 'GOWS', 'WEBJS'] as const) {
	test.serial(
		`seven processes, ${engine}: every call of the Python SDK is answered as the contract says`,
		async (t) => {
			t.timeout(120_000);
			const services = {amqpUrl: urls.rabbitmq, mongodbUrl: urls.mongodb, redisUrl: urls.redis};
			await using world = await createWorld(services, engine);
			await runClientCalls(t, world);
		},
	);
}
