import type {TestFn} from 'ava';
import {encodeEvent} from '../../domain/broker/messages.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import {eventually} from '../support/eventually.ts';
import {Inbox} from '../support/inbox.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {smallTopology, type BrokerHarness} from './broker.contract.ts';

const FILES = [{filename: 'a.jpeg', url: 'http://worker/a.jpeg'}];

function eventOf(event: string, media: PreparedEvent['media'] = []): PreparedEvent {
	return {
		id: `${event}${media.length > 0 ? ' with files' : ''}`,
		event,
		userId: 'user',
		connectionId: 'connection',
		receivedAtMs: 1_774_612_800_123,
		body: Buffer.from('{}'),
		media,
	};
}

/** Which queues one publish of an event reaches, on every adapter of the `Broker` port. */
export function eventRoutingContract(test: TestFn, harness: BrokerHarness): void {
	test('an event reaches every dispatcher that is concerned, and the one of media only with files', async (t) => {
		const topology = smallTopology();
		const {webhook, websocket, logs, session, receipts, media} = topology.queues;
		await using fixture = await harness.start(topology);
		const publisher = new Publisher({broker: fixture.broker, topology, clock: new ManualClock()});
		const listen = async (queue: QueueDeclaration | undefined): Promise<Inbox> => {
			if (queue === undefined) throw new Error('no such queue');
			const inbox = new Inbox();
			await fixture.broker.consume(queue, {prefetch: 20}, inbox.accept);
			return inbox;
		};
		const everything = await Promise.all([webhook, websocket, logs[0]].map(listen));
		const [statuses, acks, files] = [await listen(session), await listen(receipts), await listen(media)];

		const events = [
			eventOf('message'),
			eventOf('message', FILES),
			eventOf('message.any', FILES),
			eventOf('session.status'),
			eventOf('message.ack'),
			eventOf('message.ack', FILES),
			eventOf('message.ack.group'),
			eventOf('media'),
			eventOf('message.media.x'),
			{...eventOf('billing.notice'), connectionId: null},
		];
		for (const event of events) await publisher.event(event);

		const all = events.map(({id}) => id);
		for (const inbox of everything) {
			await eventually(() => inbox.messages.length >= all.length);
			t.deepEqual([...inbox.ids].sort(), [...all].sort());
		}
		await eventually(() => acks.messages.length >= 3 && statuses.messages.length >= 1 && files.messages.length >= 3);
		t.deepEqual(statuses.ids, ['session.status']);
		t.deepEqual([...acks.ids].sort(), ['message.ack', 'message.ack with files', 'message.ack.group']);
		const withFiles = files.messages.filter(({id}) => id.endsWith(' with files'));
		t.deepEqual(withFiles.map(({id}) => id).sort(), [
			'message with files',
			'message.ack with files',
			'message.any with files',
		]);
		t.deepEqual(withFiles[0]?.headers, encodeEvent(eventOf(withFiles[0]?.headers['event'] as string, FILES)).headers);
		t.deepEqual(
			files.ids.filter((id) => !id.endsWith(' with files')),
			['media'],
			'an event of this very name comes along, and has nothing to copy',
		);
	});
}
