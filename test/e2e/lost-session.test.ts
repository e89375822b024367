import test from 'ava';
import {eventually} from '../support/eventually.ts';
import {linkConnection} from '../support/link-connection.ts';
import {createWorld} from '../support/world.ts';

// What becomes of connections whose session is gone, or down, on its WAHA worker.

interface ConnectionView {
	readonly id: string;
	readonly sessionName: string;
	readonly status: string;
	readonly phoneNumber: string | null;
}

/** The supervisor looks every 30 s; its rounds, and this machine, take their time. */
const NOTICED_WITHIN_MS = 90_000;

const world = await createWorld();
const {client, waha} = world;

test.after.always(() => world[Symbol.asyncDispose]());

/** Somebody deletes the session at the worker itself. */
async function lose({sessionName}: {readonly sessionName: string}): Promise<void> {
	const headers = {'x-api-key': waha.apiKey};
	const response = await fetch(`${waha.url}/api/sessions/${sessionName}`, {method: 'DELETE', headers});
	if (!response.ok) throw new Error(`WAHA answered ${response.status}`);
}

function show(id: string): Promise<ConnectionView> {
	return client.call<ConnectionView>('GET', `/connections/${id}`);
}

async function linkAgain({id, sessionName}: {readonly id: string; readonly sessionName: string}): Promise<void> {
	await eventually(async () => (await client.fetch('GET', `/connections/${id}/qr`)).ok);
	waha.scan(sessionName);
	await eventually(async () => (await show(id)).status === 'connected');
}

for (const action of ['restart', 'logout']) {
	test.serial(`a connection whose session is gone comes back by ${action}, and can be linked again`, async (t) => {
		const {id, sessionName} = await linkConnection(client, waha);
		await lose({sessionName});
		const response = await client.fetch('POST', `/connections/${id}/${action}`);
		t.is(response.status, 201);
		t.like(await response.json(), {id, status: 'scan_qr', phoneNumber: null, me: null});
		await linkAgain({id, sessionName});
		const sent = await client.fetch('POST', `/connections/${id}/send`, {
			chatId: '15550110000',
			text: 'again',
			skipPresence: true,
		});
		t.is(sent.status, 201);
	});
}

test.serial(
	'a connection whose session is gone is not called connected for long, and comes back by itself',
	async (t) => {
		const {id, sessionName} = await linkConnection(client, waha);
		await lose({sessionName});
		const send = (): Promise<Response> =>
			client.fetch('POST', `/connections/${id}/send`, {chatId: '15550110000', text: 'x', skipPresence: true});
		const refused = await send();
		t.is(refused.status, 503);
		t.like(await refused.json(), {code: 'SESSION_NOT_FOUND', retryable: true});
		await eventually(async () => (await show(id)).status === 'scan_qr', NOTICED_WITHIN_MS);
		t.is((await show(id)).phoneNumber, null);
		await linkAgain({id, sessionName});
		t.is((await send()).status, 201);
	},
);

test.serial('get-or-create gives nobody a connection that failed and whose phone is linked still', async (t) => {
	const {id, sessionName} = await linkConnection(client, waha);
	waha.session(sessionName).fail();
	await eventually(async () => (await show(id)).status === 'failed');
	const linkable = await client.call<{id: string; status: string; qr: string}>('POST', '/connections/get-or-create');
	t.not(linkable.id, id);
	t.is(linkable.status, 'scan_qr');
	t.regex(linkable.qr, /^iVBOR/);
	await eventually(async () => (await show(id)).status === 'connected');
});
