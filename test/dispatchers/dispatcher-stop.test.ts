import type {ExecutionContext} from 'ava';
import {connectRabbitMq} from '../../adapters/rabbitmq/connect-rabbitmq.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {Dispatcher, type DispatcherContext} from '../../dispatchers/dispatcher.ts';
import {ACK, RETURN} from '../../domain/broker/disposition.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import {smallTopology} from '../contracts/broker.contract.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';
import {eventually} from '../support/eventually.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {removeTopology} from '../support/remove-topology.ts';
import {requireServices} from '../support/services.ts';

const {test, urls} = await requireServices('rabbitmq');

const HEADERS = {schema: 1, kind: 'sample'};
const IDS = ['1', '2', '3', '4', '5'];

/** Half of what is in hand is broken off, and returned with the rest; another dispatcher gets each of it once more, in order. */
async function assertReturns(
	t: ExecutionContext,
	context: DispatcherContext,
	queue: ReturnType<typeof smallTopology>['queues']['unresolved'],
): Promise<void> {
	const taken: string[] = [];
	const stopping = new AbortController();
	const first = new Dispatcher(context, {
		queue,
		prefetch: 10,
		handle: async ({id}) => {
			taken.push(id);
			// Like a pause that ends early: without any I/O in between.
			await new Promise((resolve) => {
				if (stopping.signal.aborted) resolve(undefined);
				stopping.signal.addEventListener('abort', resolve);
			});
			return id === '1' ? ACK : RETURN;
		},
		onStop: () => {
			stopping.abort();
		},
	});
	await first.start();
	for (const id of IDS) await context.publisher.direct(queue, {id, headers: HEADERS, body: Buffer.from(id)});
	await eventually(() => taken.length === IDS.length);
	await first.stop();
	t.deepEqual(taken, IDS, 'what is returned is not handed out to the one that stops');

	const again: string[] = [];
	const second = new Dispatcher(context, {
		queue,
		prefetch: 10,
		handle: ({id}) => {
			again.push(id);
			return Promise.resolve(ACK);
		},
	});
	await second.start();
	await eventually(() => again.length === IDS.length - 1);
	await second.stop();
	t.deepEqual(again, IDS.slice(1));
}

test('what a handler returns when its dispatcher stops goes to the next one: embedded broker', async (t) => {
	await using harness = await DispatchHarness.create();
	const {clock, log, broker, publisher} = harness;
	const context = {clock, log, broker, publisher, healthChecks: []};
	await assertReturns(t, context, harness.topology.queues.unresolved);
});

test('what a handler returns when its dispatcher stops goes to the next one: RabbitMQ', async (t) => {
	const topology = smallTopology();
	const clock = new SystemClock();
	const log = new RecordingLogger();
	await using resources = new AsyncDisposableStack();
	resources.defer(() => removeTopology(urls.rabbitmq, topology));
	const {broker} = await connectRabbitMq({url: urls.rabbitmq, topology, clock, log});
	resources.use(broker);
	const publisher = new Publisher({broker, topology, clock});
	await assertReturns(t, {broker, publisher, clock, log, healthChecks: []}, topology.queues.unresolved);
});
