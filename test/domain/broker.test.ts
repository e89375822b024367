import test from 'ava';
import {createTopology} from '../../config/topology.ts';
import {
	decodeDelivery,
	decodeEvent,
	decodeOrdered,
	encodeDelivery,
	encodeEvent,
	encodeOrdered,
} from '../../domain/broker/messages.ts';
import {chooseWaitLevel, isDue} from '../../domain/broker/publisher.ts';
import {allExchanges, allQueues} from '../../domain/broker/topology.ts';
import {MalformedMessageError} from '../../domain/errors.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import type {Message} from '../../domain/ports/broker.ts';
import {DEFAULT_RETRY_SCHEDULE_MS} from '../../domain/webhooks/schedule.ts';

const topology = createTopology();

const event: PreparedEvent = {
	id: 'evt_1',
	event: 'message',
	userId: 'user',
	connectionId: 'connection',
	receivedAtMs: 5,
	body: Buffer.from('{}'),
	media: [{filename: 'a.jpg', url: 'http://worker/a.jpg'}],
};

const received = (content: {id: string; headers: Message['headers']; body: Buffer}): Message => ({
	...content,
	exchange: 'x',
	routingKey: 'y',
	redelivered: false,
});

test('a wait is made up of the largest levels not above what remains', (t) => {
	const levels = topology.waitLevels;
	const hops: number[] = [];
	for (let remaining = 3 * 3_600_000 + 17_300; remaining >= 500;) {
		const {delayMs} = chooseWaitLevel(levels, remaining);
		hops.push(delayMs);
		remaining -= delayMs;
	}
	t.deepEqual(
		hops.map((ms) => ms / 1000),
		[7200, 1800, 1800, 10, 5, 2],
	);
	t.is(chooseWaitLevel(levels, 1).delayMs, 1000);
	t.is(chooseWaitLevel(levels, 10 ** 12).delayMs, 12 * 3_600_000);
});

test('every delay of the default retry schedule is one hop', (t) => {
	for (const delayMs of DEFAULT_RETRY_SCHEDULE_MS) {
		t.is(chooseWaitLevel(topology.waitLevels, delayMs).delayMs, delayMs);
	}
});

test('a message without dueAt is due; one with less than half a second left too', (t) => {
	const due = (headers: Message['headers']): boolean =>
		isDue(received({id: 'a', headers, body: Buffer.alloc(0)}), 10_000);
	t.true(due({}));
	t.true(due({dueAt: 10_400}));
	t.false(due({dueAt: 10_600}));
});

test('names on the broker are unique and every binding names a declared exchange', (t) => {
	const exchanges = allExchanges(topology).map(({name}) => name);
	const queues = allQueues(topology);
	t.is(new Set(exchanges).size, exchanges.length);
	t.is(new Set(queues.map(({name}) => name)).size, queues.length);
	for (const queue of queues) {
		for (const binding of queue.bindings)
			t.true(exchanges.includes(binding.exchange), `${queue.name} ← ${binding.exchange}`);
	}
});

test('events and deliveries come out of a message as they went in', (t) => {
	t.deepEqual(decodeEvent(received(encodeEvent(event))), event);
	t.deepEqual(decodeEvent(received(encodeEvent({...event, connectionId: null, media: [], onlyWebhookId: 'w'}))), {
		...event,
		connectionId: null,
		media: [],
		onlyWebhookId: 'w',
	});
	const notice = {...event, connectionId: null, alsoConnectionId: 'c', exceptWebhookId: 'w'};
	t.deepEqual(decodeEvent(received(encodeEvent(notice))), notice);
	for (const parked of [0, 4]) {
		const task = {event, webhookId: 'w', run: 2, attempt: 3, firstAtMs: 77, parked};
		t.deepEqual(decodeDelivery(received(encodeDelivery(task, 'dlv_1'))), task);
		const ordered = {...task, chatId: '15550001111@c.us'};
		t.deepEqual(decodeOrdered(received(encodeOrdered(ordered, 'dlv_1'))), ordered);
	}
	const unordered = encodeDelivery({event, webhookId: 'w', run: 1, attempt: 0, firstAtMs: 77, parked: 0}, 'dlv_1');
	t.throws(() => decodeOrdered(received(unordered)), {instanceOf: MalformedMessageError});
});

test('a message of another schema, kind or without its headers is malformed, not misread', (t) => {
	const content = encodeEvent(event);
	const broken = [
		{...content, headers: {...content.headers, schema: 2}},
		{...content, headers: {...content.headers, kind: 'delivery'}},
		{...content, headers: {schema: 1, kind: 'event'}},
	];
	for (const each of broken) {
		t.throws(() => decodeEvent(received(each)), {instanceOf: MalformedMessageError});
	}
});
