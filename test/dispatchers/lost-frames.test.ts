import test from 'ava';
import {LostFramesHandler} from '../../dispatchers/websocket/lost-frames-handler.ts';
import {encodeEvent, type Change} from '../../domain/broker/messages.ts';
import {MalformedMessageError} from '../../domain/errors.ts';
import type {Message} from '../../domain/ports/broker.ts';
import {ManualClock} from '../support/manual-clock.ts';

/** A handler whose announcements are kept. */
function createHandler(): {handler: LostFramesHandler; clock: ManualClock; told: Change[]} {
	const clock = new ManualClock();
	const told: Change[] = [];
	const control = {
		announce: (change: Change): Promise<void> => {
			told.push(change);
			return Promise.resolve();
		},
	};
	return {handler: new LostFramesHandler({control, clock}), clock, told};
}

function eventOf(userId: string): Message {
	const event = {id: 'evt_1', event: 'message', userId, connectionId: null, receivedAtMs: 0, media: []};
	const content = encodeEvent({...event, body: Buffer.from('{}')});
	return {...content, exchange: 'lost', routingKey: '', redelivered: false};
}

test('each user whose events were dropped is told of once, half a second later', async (t) => {
	const {handler, clock, told} = createHandler();
	for (let index = 0; index < 1000; index++) t.deepEqual(await handler.handle(eventOf(`u${index % 3}`)), {kind: 'ack'});
	await clock.advance(499);
	t.deepEqual(told, []);
	await clock.advance(1);
	t.deepEqual(
		told,
		['u0', 'u1', 'u2'].map((userId) => ({kind: 'frames-lost', userId})),
	);
	await clock.advance(10_000);
	t.is(told.length, 3);
	await handler.handle(eventOf('u1'));
	await clock.advance(500);
	t.is(told.length, 4);
});

test('when there are very many, all are told at once', async (t) => {
	const {handler, clock, told} = createHandler();
	for (let index = 0; index < 101; index++) await handler.handle(eventOf(`u${index}`));
	await clock.advance(500);
	t.deepEqual(told, [{kind: 'frames-lost', userId: null}]);
});

test('what is no event is a dead letter', async (t) => {
	const {handler, clock, told} = createHandler();
	const message = eventOf('u1');
	await t.throwsAsync(async () => handler.handle({...message, headers: {}}), {instanceOf: MalformedMessageError});
	await clock.advance(500);
	t.deepEqual(told, []);
});
