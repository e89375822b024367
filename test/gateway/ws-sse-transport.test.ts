import {once} from 'node:events';
import test from 'ava';
import {CLOSE} from '../../gateway/ws/close-reason.ts';
import {EventFrame} from '../../gateway/ws/event-frame.ts';
import {gapFrame} from '../../gateway/ws/gap-frame.ts';
import {ReadyFrame} from '../../gateway/ws/ready-frame.ts';
import {SseTransport} from '../../gateway/ws/sse-transport.ts';
import {ManualClock} from '../support/manual-clock.ts';

const KILOBYTE = 1024;

function frameOf(eventId: string, body: string): EventFrame {
	return new EventFrame({eventId, event: 'message', connectionId: null, body: Buffer.from(body)});
}

/** What a transport has sent so far. */
function read({body}: SseTransport): string {
	let text = '';
	for (let chunk = body.read() as Buffer | null; chunk !== null; chunk = body.read() as Buffer | null) {
		text += chunk.toString();
	}
	return text;
}

test('an event has its id, other frames their name', (t) => {
	const transport = new SseTransport({clock: new ManualClock()});
	t.is(read(transport), 'retry: 2000\n\n');
	transport.write(frameOf('evt_1', '{"body":"a\\nb"}'));
	transport.write(gapFrame({from: 'evt_1', reason: 'unknown'}));
	t.is(
		read(transport),
		'id: evt_1\ndata: {"body":"a\\nb"}\n\n' +
			'event: gap\ndata: {"type":"gap","from":"evt_1","to":null,"reason":"unknown"}\n\n',
	);
});

test('where it begins is an id to come back with; what comes from before the place of a client has none, so that it does not go back', (t) => {
	const transport = new SseTransport({clock: new ManualClock()});
	read(transport);
	transport.write(new ReadyFrame(5));
	transport.write(new ReadyFrame(undefined));
	transport.write(
		new EventFrame({eventId: 'evt_1', event: 'message', connectionId: null, body: Buffer.from('{}'), isBehind: true}),
	);
	t.is(
		read(transport),
		'event: ready\nid: pos_5\ndata: {"type":"ready","since":"pos_5"}\n\n' +
			'event: ready\ndata: {"type":"ready","since":null}\n\n' +
			'data: {}\n\n',
	);
});

test('a comment each 25 s keeps it open, for as long as there is somebody', async (t) => {
	const clock = new ManualClock();
	const transport = new SseTransport({clock});
	read(transport);
	await clock.advance(24_999);
	t.is(read(transport), '');
	await clock.advance(1);
	t.is(read(transport), ': still here\n\n');
	await clock.advance(25_000);
	t.is(read(transport), ': still here\n\n');
	transport.terminate();
	await transport.closed;
	t.is(clock.timers, 0);
	t.false(transport.isOpen);
});

test('what the client does not take is counted, and a replay waits for it', async (t) => {
	const transport = new SseTransport({clock: new ManualClock()});
	t.false(transport.isFull);
	for (let index = 0; index < 40; index++) transport.write(frameOf(`evt_${index}`, 'x'.repeat(4 * KILOBYTE)));
	t.true(transport.bufferedBytes > 160 * KILOBYTE);
	t.true(transport.isFull);
	let isDrained = false;
	const drained = transport.drained().then(() => {
		isDrained = true;
	});
	await new Promise((resolve) => setImmediate(resolve));
	t.false(isDrained);
	transport.body.resume();
	await drained;
	t.true(transport.bufferedBytes < 64 * KILOBYTE);
});

test('a client that goes while a replay waits for it holds nobody up', async (t) => {
	const transport = new SseTransport({clock: new ManualClock()});
	for (let index = 0; index < 40; index++) transport.write(frameOf(`evt_${index}`, 'x'.repeat(4 * KILOBYTE)));
	const drained = transport.drained();
	transport.body.destroy();
	await drained;
	await transport.closed;
	transport.write(frameOf('evt_late', '{}'));
	t.pass();
});

test('it is told why it ends, behind all that came before', async (t) => {
	const transport = new SseTransport({clock: new ManualClock()});
	transport.write(frameOf('evt_1', '{}'));
	transport.close(CLOSE.tooSlow);
	transport.write(frameOf('evt_late', '{}'));
	t.false(transport.isOpen);
	const text = read(transport);
	t.regex(text, /id: evt_1\n.*\n\nevent: closing\ndata: \{"type":"closing","code":4008,"reason":"Too slow"\}\n\n$/);
	transport.body.resume();
	await once(transport.body, 'end');
	await transport.closed;
});
