import test from 'ava';
import {createWorld} from '../support/world.ts';
import {runClientCalls} from './client-calls.ts';

for (const engine of ['NOWEB', 'GOWS', 'WEBJS'] as const) {
	test.serial(
		`embedded default, ${engine}: every call of the Python SDK is answered as the contract says`,
		async (t) => {
			t.timeout(120_000);
			await using world = await createWorld(undefined, engine);
			await runClientCalls(t, world);
		},
	);
}
