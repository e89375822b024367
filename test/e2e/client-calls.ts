import type {ExecutionContext} from 'ava';
import {eventually} from '../support/eventually.ts';
import type {World} from '../support/world.ts';

const JANE = '15550110000@c.us';
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const VOICE = Buffer.from(`OggS${'0'.repeat(100)}`).toString('base64');
const FILM = Buffer.concat([Buffer.from('\0\0\0\x18ftypmp42'), Buffer.alloc(100)]).toString('base64');

const CONNECTION_FIELDS =
	'id userId workerId name sessionName phoneNumber status engine createdAt updatedAt me linkedAt'.split(' ');
const WEBHOOK_FIELDS = 'id userId sessionId url events signingSecret active createdAt updatedAt'.split(' ');
const LOG_FIELDS = 'id webhookConfigId eventType payload status attempts deliveredAt createdAt'.split(' ');

/** A JSON object of an answer. */
type Answer = Readonly<Record<string, unknown>>;

/**
 * Every request of the Python SDK 0.11 (`wahooks` on PyPI), as it sends it: all optional keys of a message are there, as `null`. Each is
 * answered as the wire contract says, whatever engine is behind it.
 */
export async function runClientCalls(t: ExecutionContext, world: World): Promise<void> {
	await linkNew(t, world);
	await readAndWrite(t, world);
	await useWebhooks(t, world);
	await useTokens(t, world);
}

async function linkNew(t: ExecutionContext, world: World): Promise<void> {
	const call = caller(world);
	const created = await call<Answer>('POST', '/connections', undefined, 201);
	t.deepEqual(Object.keys(created), CONNECTION_FIELDS);
	t.regex(String(created['status']), /^(pending|scan_qr)$/);
	const id = String(created['id']);
	const path = `/connections/${id}`;
	for (const body of [undefined, {virgin_only: true}]) {
		t.like(await call('POST', '/connections/get-or-create', body, 201), {id, status: 'scan_qr'});
	}
	t.like(await eventually(() => call<Answer>('GET', `${path}/qr`)), {mimetype: 'image/png'});
	t.is(await call('GET', `${path}/me`), null);
	t.deepEqual(await call('GET', `${path}/chats`), []);
	t.like(await call('POST', `${path}/restart`, undefined, 201), {id, status: 'scan_qr'});
	t.like(await call('DELETE', path), {id, status: 'stopped', workerId: null, success: true});
	const listed = await call<Answer[]>('GET', '/connections');
	t.deepEqual(
		listed.map((connection) => [connection['id'], connection['status']]),
		[[world.connection.id, 'connected']],
	);
}

async function readAndWrite(t: ExecutionContext, world: World): Promise<void> {
	const call = caller(world);
	const path = `/connections/${world.connection.id}`;
	t.like(await call('GET', `${path}/qr`), {connected: true});
	t.deepEqual(Object.keys(await call<Answer>('GET', `${path}/me`)), ['id', 'pushName']);
	const {id: text} = world.waha.receive(world.connection.sessionName, {
		from: JANE,
		content: {kind: 'text', text: 'hello'},
	});
	const bytes = Buffer.from(PICTURE, 'base64');
	const content = {kind: 'file', type: 'image', mimetype: 'image/png', filename: null, caption: 'look', bytes} as const;
	const {id: image} = world.waha.receive(world.connection.sessionName, {from: JANE, content});

	const frame = await eventually(() => {
		const found = world.stream.frames.find((one) => one.event === 'message' && (one.payload as Answer)['id'] === image);
		return found ?? false;
	});
	t.is(frame.connectionId, world.connection.id);
	const message = await call<Answer>('GET', `${path}/messages/${image}?chatId=${JANE}`);
	t.like(message, {id: image, hasMedia: true, body: 'look', status: null, timeline: []});
	t.like(message, {chatId: JANE, type: 'image', text: 'look', senderJid: JANE, quotedMessageId: null});
	const history = `${path}/chats/${JANE}/messages`;
	const plain = await call<Answer[]>('GET', history);
	for (const {media} of [frame.payload as Answer, message, ...plain.slice(0, 1)]) {
		const {url, mimetype} = media as {url: string; mimetype: string};
		t.is(mimetype, 'image/png');
		t.deepEqual(await download(world, url), bytes, url);
	}
	const unescaped = await world.client.fetch('GET', `${path}/messages/${image}/media?chatId=${JANE}`);
	t.deepEqual(Buffer.from(await unescaped.arrayBuffer()), bytes);
	const first = await call<{messages: Answer[]; nextBefore: string}>('GET', `${history}?limit=1`);
	const last = await call<{messages: Answer[]}>('GET', `${history}?limit=50&before=${first.nextBefore}`);
	t.deepEqual([...first.messages, ...last.messages], plain);
	t.like(last, {nextBefore: null, historyStartsAt: plain.at(-1)?.['timestamp']});
	t.deepEqual(
		plain.map(({id}) => id),
		[image, text],
	);
	const [chat] = await call<Answer[]>('GET', `${path}/chats?limit=10&offset=0&unread_only=true`);
	t.like(chat, {id: JANE, isGroup: false, unread: 2, lastMessage: {id: image, body: 'look', fromMe: false}});
	const contacts = await call<Answer[]>('GET', `${path}/contacts?limit=10&offset=0`);
	t.true(contacts.some(({jid, phoneNumber, isGroup}) => jid === JANE && phoneNumber === '15550110000' && !isGroup));
	await write(t, world, text);
}

/** @param received the id of a message that somebody else sent */
async function write(t: ExecutionContext, world: World, received: string): Promise<void> {
	const call = caller(world);
	const path = `/connections/${world.connection.id}`;
	const file = {url: null, data: PICTURE, mimetype: null, caption: null};
	const sent: Answer[] = [];
	for (const [kind, body] of [
		['send', {text: 'hello'}],
		['send', {text: 'hello', replyTo: received}],
		['send-image', file],
		['send-document', {...file, mimetype: 'image/png', filename: 'a.png', caption: 'a'}],
		['send-document', {...file, filename: null}],
		['send-video', {...file, data: FILM}],
		['send-audio', {url: null, data: VOICE, mimetype: null}],
		['send-location', {latitude: 52.5, longitude: 13, name: null, address: null}],
		['send-location', {latitude: 52, longitude: -13.4, name: 'Here', address: 'Street 1'}],
		['send-contact', {contactName: 'Jane; Doe', contactPhone: '+1 555 011-0000'}],
	] as const) {
		const result = await call<Answer>('POST', `${path}/${kind}`, {chatId: JANE, ...body, skipPresence: true}, 201);
		t.regex(String(result['id']), /^true_15550110000@c\.us_[^_]+$/, kind);
		t.true(Math.abs(Number(result['timestamp']) - Date.now() / 1000) < 60, `${kind}: Unix seconds`);
		sent.push(result);
	}
	const startedAt = Date.now();
	await call('POST', `${path}/send`, {chatId: JANE, text: 'hello', skipPresence: false}, 201);
	t.true(Date.now() - startedAt >= 1000, 'it reads, types and pauses first');

	const id = String(sent[0]?.['id']);
	const edited = await call<Answer>('PUT', `${path}/messages/${id}`, {chatId: JANE, text: 'hello again'});
	t.like(edited, {id, success: true});
	const refused = await world.client.fetch('PUT', `${path}/messages/${received}`, {chatId: JANE, text: 'mine'});
	t.is(refused.status, 422);
	const known = await eventually(async () => {
		const message = await call<Answer>('GET', `${path}/messages/${id}?chatId=${JANE}`);
		return message['status'] === 'read' && message;
	});
	t.like(known, {id, fromMe: true, body: 'hello again', commandId: sent[0]?.['commandId']});
	for (const [kind, body] of [
		['react', {chatId: JANE, messageId: received, reaction: '👍'}],
		['react', {chatId: JANE, messageId: received, reaction: ''}],
		['mark-read', {chatId: JANE}],
		['typing', {chatId: JANE}],
		['typing/stop', {chatId: JANE}],
	] as const) {
		t.deepEqual(await call('POST', `${path}/${kind}`, body, 201), {success: true}, kind);
	}
}

async function useWebhooks(t: ExecutionContext, world: World): Promise<void> {
	const call = caller(world);
	const path = `/connections/${world.connection.id}/webhooks`;
	const created = await call<Answer>('POST', path, {url: 'https://httpbin.org/post', events: ['*']}, 201);
	t.deepEqual(Object.keys(created).slice(0, WEBHOOK_FIELDS.length), WEBHOOK_FIELDS);
	t.like(created, {url: 'https://httpbin.org/post', sessionId: world.connection.id, active: true});
	t.deepEqual((await call<Answer[]>('GET', path)).at(-1), created);
	const own = `/webhooks/${String(created['id'])}`;
	const changes = {url: world.sink.url, events: ['message'], active: false};
	t.like(await call('PUT', own, changes), {...changes, signingSecret: created['signingSecret']});
	const {logId, ...answer} = await call<Answer>('POST', `${own}/test`, undefined, 201);
	t.deepEqual(answer, {success: true, message: 'Test event enqueued for delivery'});
	const log = await eventually(async () => {
		const [latest] = await call<Answer[]>('GET', `${own}/logs`);
		return latest?.['status'] === 'delivered' && latest;
	});
	t.deepEqual(Object.keys(log).slice(0, LOG_FIELDS.length), LOG_FIELDS);
	t.like(log, {id: logId, eventType: 'test', attempts: 1});
	const delivery = world.sink.deliveries.find(({headers}) => headers['x-wahooks-event'] === 'test');
	t.is(delivery?.body, JSON.stringify(log['payload']), 'the log has what was posted');
	t.deepEqual(await call('DELETE', own), {success: true});
}

async function useTokens(t: ExecutionContext, world: World): Promise<void> {
	const call = caller(world);
	const created = await call<Answer>('POST', '/tokens', {name: 'ci'}, 201);
	t.regex(String(created['token']), /^wh_[0-9a-f]{48}$/);
	const {token: _, ...shown} = created;
	const listed = await call<Answer[]>('GET', '/tokens');
	t.deepEqual(
		listed.find(({id}) => id === created['id']),
		shown,
	);
	t.deepEqual(await call('DELETE', `/tokens/${String(created['id'])}`), {success: true});
	t.false((await call<Answer[]>('GET', '/tokens')).some(({id}) => id === created['id']));
}

/** Calls as the SDK does, with a JSON content type on every request; an empty answer is null. @throws on any other status */
function caller({client}: World): <T>(method: string, path: string, body?: object, status?: number) => Promise<T> {
	return async <T>(method: string, path: string, body?: object, status = 200): Promise<T> => {
		const response = await client.fetch(method, path, body);
		const text = await response.text();
		if (response.status !== status) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
		return (text === '' ? null : JSON.parse(text)) as T;
	};
}

/** What an absolute link to the gateway leads to, with the tenant's token. */
async function download({client, processes}: World, url: string): Promise<Buffer> {
	const api = `${processes.get('gateway')?.url ?? ''}/api`;
	if (!url.startsWith(`${api}/`)) throw new Error(`${url} does not lead to the gateway`);
	const response = await client.fetch('GET', url.slice(api.length));
	if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
	return Buffer.from(await response.arrayBuffer());
}
