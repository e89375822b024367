import test from 'ava';
import {compileTopicPattern} from '../../adapters/sqlite/broker/topic-pattern.ts';

const CASES = [
	{pattern: '#', matching: ['', 'a', 'a.b.c', 'a..b'], other: []},
	{pattern: 'a', matching: ['a'], other: ['', 'b', 'a.b', 'ab']},
	{pattern: '', matching: [''], other: ['a']},
	{pattern: '*', matching: ['a', 'word'], other: ['', 'a.b']},
	{pattern: 'a.*', matching: ['a.b', 'a.'], other: ['a', 'a.b.c', 'b.a']},
	{pattern: '0.#', matching: ['0', '0.a', '0.a.b'], other: ['00.a', '1.0', '']},
	{pattern: '#.end', matching: ['end', 'a.end', 'a.b.end'], other: ['end.a', 'bend']},
	{pattern: 'a.#.z', matching: ['a.z', 'a.b.z', 'a.b.c.z', 'a.z.z'], other: ['a', 'z', 'a.z.b']},
	{pattern: '#.b.#', matching: ['b', 'a.b', 'b.c', 'a.b.c', 'b.b'], other: ['', 'a.c']},
	{pattern: '*.#', matching: ['a', 'a.b'], other: ['']},
	{
		pattern: '*.*.*.session.status',
		matching: ['0.user.-.session.status'],
		other: ['0.user.session.status', '0.user.-.session.status.x', '0.user.-.session_status'],
	},
	{pattern: 'a.b+c', matching: ['a.b+c'], other: ['a.bbc']},
] as const;

for (const {pattern, matching, other} of CASES) {
	test(`the pattern "${pattern}"`, (t) => {
		const matches = compileTopicPattern(pattern);
		for (const routingKey of matching) t.true(matches(routingKey), routingKey);
		for (const routingKey of other) t.false(matches(routingKey), routingKey);
	});
}
