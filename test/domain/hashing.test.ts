import test from 'ava';
import {digest, hashedUlid, partitionOf, ulidTimeMs} from '../../domain/hashing.ts';

test('a hashed ULID carries its time, sorts by it and is the same for the same input', (t) => {
	const hash = digest('session', 'message', 'evt_1');
	const ulid = hashedUlid(1_783_400_401_892, hash);
	t.regex(ulid, /^[0-9A-HJKMNP-TV-Z]{26}$/);
	t.is(ulidTimeMs(ulid), 1_783_400_401_892);
	t.is(hashedUlid(1_783_400_401_892, digest('session', 'message', 'evt_1')), ulid);
	t.true(hashedUlid(1_783_400_401_893, digest('a')) > ulid);
});

test('a time that a ULID cannot hold is clamped instead of breaking the id', (t) => {
	t.is(ulidTimeMs(hashedUlid(-5, digest('a'))), 0);
	t.is(ulidTimeMs(hashedUlid(2 ** 60, digest('a'))), 2 ** 48 - 1);
});

test('parts of a digest cannot run into each other', (t) => {
	t.notDeepEqual(digest('ab', 'c'), digest('a', 'bc'));
});

test('partitions are stable and used evenly', (t) => {
	t.is(partitionOf('4b5c8a52-1f6f-4f0e-9a55-0e2f4f2b7f10', 8), partitionOf('4b5c8a52-1f6f-4f0e-9a55-0e2f4f2b7f10', 8));
	const counts = new Array<number>(8).fill(0);
	for (let index = 0; index < 8000; index++) {
		const partition = partitionOf(`user-${index}`, 8);
		counts[partition] = (counts[partition] ?? 0) + 1;
	}
	t.true(Math.min(...counts) > 850 && Math.max(...counts) < 1150, counts.join(' '));
});
