import test from 'ava';
import {MemoryFanout} from '../../adapters/system/memory-fanout.ts';
import {fanoutContract, FrameInbox, frameOf} from '../contracts/fanout.contract.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

fanoutContract(test, {
	start: () => {
		const fanout = new MemoryFanout({log: new RecordingLogger()});
		return Promise.resolve({fanout, other: fanout, [Symbol.asyncDispose]: () => fanout[Symbol.asyncDispose]()});
	},
});

test('handlers have run when publish resolves, and a failing one is logged', async (t) => {
	const log = new RecordingLogger();
	await using fanout = new MemoryFanout({log});
	const inbox = new FrameInbox();
	await fanout.subscribe('room', () => {
		throw new Error('handler failed');
	});
	await fanout.subscribe('room', inbox.accept);
	await fanout.publish('room', frameOf('evt_1'));

	t.deepEqual(inbox.ids, ['evt_1']);
	t.is(log.of('fanout.handler.failed')[0]?.fields['eventId'], 'evt_1');
});
