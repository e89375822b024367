import test from 'ava';
import {MediaSweeper} from '../../dispatchers/media/media-sweeper.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {inChunks} from '../support/media-content.ts';
import {MemoryMediaStore} from '../support/memory-media-store.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function create(retentionDays = 30) {
	const clock = new ManualClock();
	const log = new RecordingLogger();
	const store = new MemoryMediaStore({clock});
	const sweeper = new MediaSweeper({store, clock, log, retentionDays});
	const put = (filename: string) =>
		store.put(
			{connectionId: 'c', filename},
			{contentType: 'image/png', displayName: null, content: inChunks(Buffer.from('x')), maxBytes: 10},
		);
	return {clock, log, store, sweeper, put, find: (filename: string) => store.find({connectionId: 'c', filename})};
}

test('files are deleted once they are older than they are kept, with a reason; the sweep comes hourly', async (t) => {
	const {clock, log, sweeper, put, find} = create();
	await put('old');
	await clock.advance(30 * DAY_MS - 2 * HOUR_MS);
	await put('new');
	sweeper.start();
	await clock.advance(HOUR_MS + 50 * MINUTE_MS);
	t.like(await find('old'), {state: 'stored'});
	await clock.advance(20 * MINUTE_MS);
	t.like(await find('old'), {state: 'missing', reason: 'Files are kept for 30 days'});
	t.like(await find('new'), {state: 'stored'});
	t.deepEqual(
		log.of('media.expired').map(({fields}) => fields),
		[{files: 1}],
	);
	await sweeper.stop();
});

test('a sweep that fails is made up for by the next', async (t) => {
	const {clock, log, store, sweeper, put, find} = create(1);
	await put('old');
	await clock.advance(2 * DAY_MS);
	store.away = true;
	sweeper.start();
	await clock.advance(2 * MINUTE_MS);
	t.is(log.of('media.sweep.failed').length, 1);
	store.away = false;
	await clock.advance(HOUR_MS);
	t.like(await find('old'), {state: 'missing', reason: 'Files are kept for 1 day'});
	await sweeper.stop();
});

test('once stopped it sweeps no more', async (t) => {
	const {clock, sweeper, put, find} = create();
	await put('old');
	sweeper.start();
	await clock.advance(2 * MINUTE_MS);
	await sweeper.stop();
	await clock.advance(60 * DAY_MS);
	t.like(await find('old'), {state: 'stored'});
});
