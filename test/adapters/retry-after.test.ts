import test from 'ava';
import {parseRetryAfter} from '../../adapters/http/retry-after.ts';

const NOW_MS = Date.UTC(2026, 2, 27, 12, 0, 0);

test('seconds and HTTP dates are read as milliseconds from now', (t) => {
	t.is(parseRetryAfter('120', NOW_MS), 120_000);
	t.is(parseRetryAfter(' 0 ', NOW_MS), 0);
	t.is(parseRetryAfter('Fri, 27 Mar 2026 12:01:30 GMT', NOW_MS), 90_000);
	t.is(parseRetryAfter('Friday, 27-Mar-26 12:01:30 GMT', NOW_MS), 90_000);
});

test('a date that has passed means now', (t) => {
	t.is(parseRetryAfter('Fri, 27 Mar 2026 11:00:00 GMT', NOW_MS), 0);
});

test('anything else means nothing', (t) => {
	for (const value of [
		undefined,
		'',
		'soon',
		'-5',
		'1.5',
		'1e3',
		'10s',
		'2026-03-27T12:01:30Z',
		'Fri, 99 Mar 2026 GMT',
	]) {
		t.is(parseRetryAfter(value, NOW_MS), undefined, value);
	}
});
