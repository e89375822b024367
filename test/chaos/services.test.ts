import {RabbitMqNode} from '../support/rabbitmq-node.ts';
import {requireServices} from '../support/services.ts';
import {report} from './report.ts';
import {runChaos} from './run-chaos.ts';
import {SHORT} from './settings.ts';

const {test: serviceTest, urls} = await requireServices('mongodb', 'redis');

// A node of its own: it is stopped.
const hasServer = RabbitMqNode.isInstalled();
if (!hasServer && process.env['CI'] !== undefined) throw new Error('missing in CI: rabbitmq-server');
if (!hasServer) process.stderr.write('skipped: rabbitmq-server not found (set TEST_RABBITMQ_SERVER)\n');
const test = hasServer ? serviceTest : serviceTest.skip;

test('eleven processes: kill -9 of each role, and RabbitMQ, MongoDB, a wait queue and endpoints that go away, lose nothing', async (t) => {
	t.timeout(900_000);
	const audit = await runChaos({...SHORT, urls, say: () => undefined, signal: AbortSignal.timeout(840_000)});
	t.log(report(audit));
	t.deepEqual(audit.findings, []);
	const killed = audit.recoveries.filter(({fault}) => fault.restartMs !== undefined);
	t.true(killed.length >= 7, 'each role was killed');
	t.is(audit.recoveries.length - killed.length, 5, 'everything else went away once, RabbitMQ twice');
	t.true(audit.order.compared >= 50, 'there was an order to keep');
});
