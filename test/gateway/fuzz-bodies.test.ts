import fc from 'fast-check';
import test from 'ava';
import {fuzz, fuzzSettings, type FuzzRequest} from '../support/fuzz-run.ts';
import {FuzzWorld} from '../support/fuzz-world.ts';

const {runs, seed} = fuzzSettings(10_000);
const world = await FuzzWorld.create();

test.after.always(() => world[Symbol.asyncDispose]());

const headers = {authorization: `Bearer ${world.token}`, 'content-type': 'application/json'};

/** JSON that was damaged on its way. */
const damaged = (text: string): fc.Arbitrary<string> =>
	fc
		.tuple(fc.nat(text.length), fc.nat(3), fc.constantFrom('', '{', '}', '"', '\\', ',', '\0', '\ud800', '[[[['))
		.map(([at, length, inserted]) => text.slice(0, at) + inserted + text.slice(at + length));

const requests: fc.Arbitrary<FuzzRequest> = world
	.operation(({body}) => body !== undefined)
	.chain((operation) =>
		world
			.body(operation)
			.map((body) => JSON.stringify(body))
			.chain((text) => fc.oneof({weight: 9, arbitrary: fc.constant(text)}, {weight: 1, arbitrary: damaged(text)}))
			.map((body) => ({operation, path: world.path(operation), headers, body})),
	);

test(`no body makes an operation fail (FUZZ_SEED=${seed}, FUZZ_RUNS=${runs})`, async (t) => {
	t.timeout(240_000);
	const {faults, byStatus} = await fuzz(requests, {gateway: world.gateway, contract: world.contract, runs, seed});
	t.log(byStatus);
	t.deepEqual(faults.slice(0, 10), []);
	t.true((byStatus['201'] ?? 0) + (byStatus['200'] ?? 0) > runs / 50, 'many of them got all the way');
	t.true((byStatus['400'] ?? 0) > runs / 5, 'and many did not');
});
