import {EventEmitter} from 'node:events';
import type {Channel, Message} from 'amqplib';
import test from 'ava';
import {Acknowledger} from '../../adapters/rabbitmq/acknowledger.ts';
import {createRandom} from '../support/shuffled.ts';

/** The broker's side of one channel: what it delivered and what is still unacknowledged, as RabbitMQ keeps it. */
class Ledger extends EventEmitter {
	readonly frames: string[] = [];
	readonly requeued = new Set<number>();
	readonly #unacknowledged: Set<number>;

	constructor(deliveries: number) {
		super();
		this.#unacknowledged = new Set(Array.from({length: deliveries}, (_, index) => index + 1));
	}

	get unacknowledged(): readonly number[] {
		return [...this.#unacknowledged];
	}

	ack({fields: {deliveryTag}}: Message, allUpTo: boolean): void {
		this.frames.push(`ack ${allUpTo ? '..' : ''}${deliveryTag}`);
		// RabbitMQ closes the channel for a tag that it does not hold, also with `multiple`.
		if (!this.#unacknowledged.has(deliveryTag)) throw new Error(`unknown delivery tag ${deliveryTag}`);
		for (const tag of this.unacknowledged) {
			if (tag === deliveryTag || (allUpTo && tag < deliveryTag)) this.#unacknowledged.delete(tag);
		}
	}

	nack({fields: {deliveryTag}}: Message, _allUpTo: boolean, requeue: boolean): void {
		this.frames.push(`nack ${deliveryTag}`);
		if (!requeue || !this.#unacknowledged.delete(deliveryTag)) throw new Error(`unknown delivery tag ${deliveryTag}`);
		this.requeued.add(deliveryTag);
	}
}

function onLedger(deliveries: number): {ledger: Ledger; acknowledger: Acknowledger} {
	const ledger = new Ledger(deliveries);
	return {ledger, acknowledger: new Acknowledger(ledger as unknown as Channel)};
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what is acknowledged in one turn leaves as one frame', async (t) => {
	const {ledger, acknowledger} = onLedger(3);
	for (const tag of [2, 1, 3]) acknowledger.settle(tag, 'ack');
	t.deepEqual(ledger.frames, []);
	await nextTurn();
	t.deepEqual(ledger.frames, ['ack ..3']);
	t.deepEqual(ledger.unacknowledged, []);
});

test('a message that is still in hand is never acknowledged with the others', async (t) => {
	const {ledger, acknowledger} = onLedger(5);
	for (const tag of [1, 2, 4, 5]) acknowledger.settle(tag, 'ack');
	await nextTurn();
	t.deepEqual(ledger.frames, ['ack ..2', 'ack 4', 'ack 5']);
	t.deepEqual(ledger.unacknowledged, [3]);

	acknowledger.settle(3, 'ack');
	await nextTurn();
	t.deepEqual(ledger.frames.slice(3), ['ack ..3']);
});

test('a returned message is returned at once, also between acknowledged ones', async (t) => {
	const {ledger, acknowledger} = onLedger(4);
	acknowledger.settle(1, 'ack');
	acknowledger.settle(2, 'requeue');
	acknowledger.settle(3, 'ack');
	await nextTurn();
	t.deepEqual(ledger.frames, ['nack 2', 'ack ..3']);
	acknowledger.settle(4, 'ack');
	await nextTurn();
	t.deepEqual(ledger.unacknowledged, []);
});

test('in any order, each message is settled once and as its handler said', async (t) => {
	for (let round = 0; round < 200; round++) {
		const {ledger, acknowledger} = onLedger(40);
		const random = createRandom(round);
		const open = new Set(ledger.unacknowledged);
		const returned = new Set<number>();
		while (open.size > 0) {
			for (const tag of [...open].filter(() => random() < 0.3)) {
				const settlement = random() < 0.1 ? 'requeue' : 'ack';
				if (settlement === 'requeue') returned.add(tag);
				open.delete(tag);
				acknowledger.settle(tag, settlement);
			}
			await nextTurn();
			t.deepEqual(ledger.unacknowledged, [...open], ledger.frames.join(', '));
		}
		t.deepEqual(ledger.requeued, returned);
	}
});

test('nothing is said on a channel that is gone', async (t) => {
	const {ledger, acknowledger} = onLedger(3);
	acknowledger.settle(1, 'ack');
	ledger.emit('close');
	acknowledger.settle(2, 'requeue');
	acknowledger.settle(3, 'ack');
	await nextTurn();
	t.deepEqual(ledger.frames, []);
});

test('what is collected can be sent before the turn ends', (t) => {
	const {ledger, acknowledger} = onLedger(1);
	acknowledger.settle(1, 'ack');
	acknowledger.flush();
	t.deepEqual(ledger.frames, ['ack ..1']);
});
