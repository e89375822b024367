import test from 'ava';
import {whileStarting} from '../../config/while-starting.ts';
import {SetupError, StoreUnavailableError} from '../../domain/errors.ts';

test('a store that does not answer at once is asked again, for as long as there is patience', async (t) => {
	let calls = 0;
	const work = (): Promise<string> =>
		++calls < 3 ? Promise.reject(new StoreUnavailableError('slow')) : Promise.resolve('there');
	t.is(await whileStarting(work), 'there');
	t.is(calls, 3);
	await t.throwsAsync(
		whileStarting(() => Promise.reject(new StoreUnavailableError('gone')), 1000),
		{instanceOf: StoreUnavailableError},
	);
});

test('what repeating does not mend is told at once', async (t) => {
	let calls = 0;
	await t.throwsAsync(
		whileStarting(() => {
			calls++;
			return Promise.reject(new SetupError('another key'));
		}),
		{instanceOf: SetupError},
	);
	t.is(calls, 1);
});
