import {randomUUID} from 'node:crypto';
import fc from 'fast-check';
import test from 'ava';
import type {DocumentedOperation} from '../support/api-contract.ts';
import {fuzz, fuzzSettings, type FuzzRequest} from '../support/fuzz-run.ts';
import {anyValue} from '../support/fuzz-values.ts';
import {FuzzWorld} from '../support/fuzz-world.ts';

const {runs, seed} = fuzzSettings(15_000);
const world = await FuzzWorld.create();

test.after.always(() => world[Symbol.asyncDispose]());

/** Anything that a path or query may be made of, encoded or nearly so. */
const piece: fc.Arbitrary<string> = fc.oneof(
	anyValue.map((value) => encodeURIComponent(textOf(value).toWellFormed().slice(0, 2000))),
	fc.constantFrom(
		'%',
		'%zz',
		'%E0%A4%A',
		'%00',
		'..',
		'%2e%2e%2f',
		'%252e',
		';a=1',
		"'",
		'~',
		'%F0%9F%92%A9',
		randomUUID(),
	),
);

function pathOf(operation: DocumentedOperation): fc.Arbitrary<string> {
	const real = world.path(operation);
	const broken = piece.map((text) => operation.path.replace(/\{\w+\}/, text || 'x').replaceAll(/\{\w+\}/g, 'x'));
	// The last parameter alone: its connection is there.
	const inside = piece.map((text) => (operation.path.endsWith('}') ? real.replace(/[^/]+$/, text || 'x') : real));
	return fc.oneof(fc.constant(real), broken, inside);
}

function queryOf({operation}: DocumentedOperation): fc.Arbitrary<string> {
	const names = operation.parameters.filter((parameter) => parameter.in === 'query').map(({name}) => name);
	const name = fc.oneof(fc.constantFrom('x', '__proto__', 'limit[]', 'a[b][c]', ...names), piece);
	const value = fc.oneof(fc.integer({min: -2, max: 200}).map(String), fc.constantFrom('true', 'false', ''), piece);
	return fc
		.array(fc.tuple(name, value), {maxLength: 4})
		.map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=')).join('&')}`));
}

/** What a client may set, in characters that HTTP allows. */
const headersOf: fc.Arbitrary<Record<string, string>> = fc
	.dictionary(
		fc.constantFrom(
			'idempotency-key',
			'prefer',
			'range',
			'if-none-match',
			'if-modified-since',
			'x-request-id',
			'accept',
			'x-forwarded-for',
			'if-range',
			'accept-encoding',
			'x-http-method-override',
		),
		fc.oneof(
			fc.constantFrom(
				'bytes=0-',
				'bytes=5-1',
				'bytes=-0',
				'bytes=0-0,2-3',
				'bytes=99999999999999999999-',
				'respond-async',
				'*',
				'"x"',
				'W/"x"',
				'1, 2',
			),
			fc.string({maxLength: 40}).map((text) => text.trim()),
		),
		{maxKeys: 3},
	)
	.map((headers) => ({...headers, authorization: `Bearer ${world.token}`}));

const requests: fc.Arbitrary<FuzzRequest> = world
	.operation()
	.chain((operation) =>
		fc.record({
			operation: fc.constant(operation),
			path: pathOf(operation),
			query: queryOf(operation),
			headers: headersOf,
		}),
	)
	.map(({operation, path, query, headers}) => ({operation, path: path + query, headers, body: undefined}));

test(`no path, query or header makes an operation fail (FUZZ_SEED=${seed}, FUZZ_RUNS=${runs})`, async (t) => {
	t.timeout(240_000);
	const {faults, byStatus} = await fuzz(requests, {gateway: world.gateway, contract: world.contract, runs, seed});
	t.log(byStatus);
	t.deepEqual(faults.slice(0, 10), []);
	t.true((byStatus['200'] ?? 0) > runs / 20, 'many of them got all the way');
	t.true((byStatus['404'] ?? 0) > runs / 20, 'and many did not');
});

function textOf(value: unknown): string {
	return typeof value === 'string' ? value : JSON.stringify(value);
}
