import test from 'ava';
import {createWorld} from '../support/world.ts';
import {killEach, runChaos} from './chaos.ts';

test('embedded default: kill -9 again and again loses nothing that was accepted', async (t) => {
	t.timeout(180_000);
	await using world = await createWorld();
	const kill = killEach(world);
	await runChaos(t, world, [...kill, ...kill, ...kill]);
});
