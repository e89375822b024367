import {randomUUID} from 'node:crypto';
import {connect} from 'amqplib';
import {createTopology} from '../../config/topology.ts';
import {runToExit} from '../support/run-to-exit.ts';
import {requireServices} from '../support/services.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const {test, urls} = await requireServices('rabbitmq');

test('a queue that exists with other arguments is one line that names it', async (t) => {
	await using folder = await createTemporaryFolder();
	const namespace = `e2e-${randomUUID().slice(0, 8)}`;
	const {name} = createTopology(namespace).queues.webhook;
	const connection = await connect(urls.rabbitmq);
	const channel = await connection.createChannel();
	await channel.assertQueue(name, {durable: true});
	const {code, stderr} = await runToExit({DATA_DIR: folder.path, AMQP_URL: urls.rabbitmq, NAMESPACE: namespace});
	await channel.deleteQueue(name);
	await connection.close();
	t.is(code, 1);
	t.is(stderr.trim().split('\n').length, 1, stderr);
	t.true(stderr.includes(name), stderr);
});

test('wrong credentials of the broker are one line that names the variable', async (t) => {
	await using folder = await createTemporaryFolder();
	const url = new URL(urls.rabbitmq);
	url.username = 'nobody';
	url.password = 'wrong';
	const {code, stderr} = await runToExit({DATA_DIR: folder.path, AMQP_URL: url.href});
	t.is(code, 1);
	t.is(stderr.trim().split('\n').length, 1, stderr);
	t.regex(stderr, /AMQP_URL/);
	t.false(stderr.includes('wrong'), 'the password is not printed');
});

test('a broker that does not speak TLS is one line, without a word of OpenSSL', async (t) => {
	await using folder = await createTemporaryFolder();
	const url = urls.rabbitmq.replace('amqp://', 'amqps://');
	const {code, stderr} = await runToExit({DATA_DIR: folder.path, AMQP_URL: url});
	t.is(code, 1);
	t.regex(stderr, /^RabbitMQ does not speak TLS at [\w.:]+: .*AMQP_URL.*\n$/);
	t.notRegex(stderr, /SSL routines/);
});
