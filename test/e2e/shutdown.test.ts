import {randomBytes} from 'node:crypto';
import {setTimeout as pause} from 'node:timers/promises';
import test from 'ava';
import {ApiClient} from '../support/api-client.ts';
import {eventually} from '../support/eventually.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import {HeldSink} from '../support/held-sink.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

/** Longer than any other part of a shutdown takes. */
const ANSWERS_AFTER_MS = 16_000;

test('a process that is told to end waits for the answer to an attempt, which is not made again', async (t) => {
	t.timeout(120_000);
	await using folder = await createTemporaryFolder();
	await using sink = await HeldSink.start();
	const token = `wh_${randomBytes(24).toString('hex')}`;
	await using gateway = await GatewayProcess.start({env: {DATA_DIR: folder.path, BOOTSTRAP_TOKEN: token}});
	const client = new ApiClient(gateway.url, token);
	const webhook = {url: sink.url, events: ['*'], timeoutSeconds: 30};
	const {id} = await client.call<{id: string}>('POST', '/webhooks', webhook);
	await client.call('POST', `/webhooks/${id}/test`);
	await eventually(() => sink.deliveries.length === 1);
	const stopping = gateway.stop();
	await pause(ANSWERS_AFTER_MS);
	sink.release();
	await stopping;

	await gateway.start();
	await eventually(async () => {
		const [delivery] = await client.call<{status: string}[]>('GET', `/webhooks/${id}/deliveries`);
		return delivery?.status === 'delivered';
	});
	t.is(sink.deliveries.length, 1);
});
