import test from 'ava';
import {createWorld} from '../support/world.ts';
import {runMainJob} from './main-job.ts';

test('embedded default: every sample event is found once at the webhook, on the socket and in the log', async (t) => {
	t.timeout(120_000);
	await using world = await createWorld();
	await runMainJob(t, world);
});
