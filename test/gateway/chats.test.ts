import test from 'ava';
import {EngineError} from '../../domain/errors.ts';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {eventually} from '../support/eventually.ts';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type Tenant,
} from '../support/gateway-harness.ts';
import {sampleCommand, sampleConnection} from '../support/samples.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const JANE = '15550110000';

interface MessageView {
	readonly id: string;
	readonly body: string;
	readonly timestamp: number;
	readonly fromMe: boolean;
	readonly hasMedia: boolean;
}

interface FileView {
	readonly hasMedia: boolean;
	readonly media: {readonly url: string; readonly filename: string | null; readonly mimetype: string | null} | null;
}

interface PageView {
	readonly messages: readonly MessageView[];
	readonly nextBefore: string | null;
	readonly historyStartsAt: number | null;
}

interface KnownView {
	readonly id: string;
	readonly status: string | null;
	readonly timeline: readonly {readonly status: string; readonly at: string}[];
	readonly commandId: string | null;
}

interface Linked {
	readonly tenant: Tenant;
	readonly id: string;
	readonly path: string;
	readonly get: <T>(path: string) => Promise<T>;
	readonly receive: (from: string, text: string, more?: object) => Promise<string>;
}

async function link(): Promise<Linked> {
	const tenant = await gateway.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const path = `/connections/${id}`;
	return {
		tenant,
		id,
		path,
		get: (rest) => tenant.client.call('GET', path + rest),
		receive: async (from, text, more = {}) => {
			const body = {from, text, ...more};
			const answer = await tenant.client.call<{messageId: string}>('POST', `/simulator${path}/message-from`, body);
			return answer.messageId;
		},
	};
}

test('chats are listed latest first, with what all clients read of them', async (t) => {
	const {get, receive} = await link();
	await receive('15550110005', 'older');
	const messageId = await receive(JANE, 'newer');
	const chats = await get<Record<string, unknown>[]>('/chats');
	t.is(chats.length, 2);
	const [latest] = chats;
	t.deepEqual(Object.keys(latest ?? {}), [
		'id',
		'name',
		'isGroup',
		'timestamp',
		'conversationTimestamp',
		'unread',
		'lastMessage',
	]);
	t.like(latest, {id: `${JANE}@c.us`, isGroup: false, unread: 1});
	t.is(latest?.['timestamp'], latest?.['conversationTimestamp']);
	t.true(Math.abs(Number(latest?.['timestamp']) - Date.now() / 1000) < 60, 'seconds');
	t.deepEqual(Object.keys(latest?.['lastMessage'] as object), ['id', 'body', 'timestamp', 'fromMe']);
	t.like(latest?.['lastMessage'], {id: messageId, body: 'newer', fromMe: false});
});

test('chats are paged by limit and offset, and can be narrowed down to unread ones', async (t) => {
	const {get, receive, tenant, path} = await link();
	const numbers = Array.from({length: 22}, (_, index) => `155502${String(index + 10).padStart(4, '0')}9`);
	for (const number of numbers) await receive(number, 'hi');
	const latestFirst = numbers.toReversed().map((number) => `${number}@c.us`);
	const idsOf = async (query: string): Promise<readonly string[]> =>
		(await get<{id: string}[]>(`/chats${query}`)).map(({id}) => id);
	t.deepEqual(await idsOf(''), latestFirst.slice(0, 20), '20 unless more are asked for');
	t.deepEqual(await idsOf('?limit=5&offset=2'), latestFirst.slice(2, 7));
	t.deepEqual(await idsOf('?limit=100'), latestFirst);
	t.deepEqual(await idsOf('?limit=5&offset=22'), []);
	const [first = '', second = ''] = latestFirst;
	await tenant.client.call('POST', `${path}/mark-read`, {chatId: first});
	t.is((await idsOf('?unread_only=true&limit=3'))[0], second);
	t.is((await idsOf('?unread_only=True&limit=100')).length, 21);
	t.is((await idsOf('?unread_only=false&limit=100')).length, 22);
	t.deepEqual(await idsOf('?unread_only=true&limit=5&offset=19'), latestFirst.slice(20));
});

test('messages are a plain array without limit and before, a page with either of them', async (t) => {
	const {get, receive} = await link();
	for (let index = 0; index < 7; index++) await receive(JANE, `message ${index}`);
	const plain = await get<MessageView[]>(`/chats/${JANE}@c.us/messages`);
	t.deepEqual(
		plain.map(({body}) => body),
		[6, 5, 4, 3, 2, 1, 0].map((index) => `message ${index}`),
	);
	for (const message of plain) {
		t.is(typeof message.id, 'string');
		t.is(message.fromMe, false);
		t.true(Number.isInteger(message.timestamp));
	}
	const seen: MessageView[] = [];
	let page = await get<PageView>(`/chats/${JANE}@c.us/messages?limit=3`);
	t.deepEqual(Object.keys(page), ['messages', 'nextBefore', 'historyStartsAt']);
	for (;;) {
		seen.push(...page.messages);
		if (page.nextBefore === null) break;
		t.is(page.historyStartsAt, null);
		await receive(JANE, 'meanwhile');
		page = await get<PageView>(`/chats/${JANE}@c.us/messages?limit=3&before=${page.nextBefore}`);
	}
	t.deepEqual(seen, plain);
	t.is(page.historyStartsAt, plain.at(-1)?.timestamp ?? null);
	const first = await get<PageView>(`/chats/${JANE}@c.us/messages?limit=1`);
	const rest = await get<PageView>(`/chats/${JANE}@c.us/messages?before=${first.nextBefore ?? ''}`);
	t.is(rest.messages.length, 8, 'before alone: 50 at most');
});

test('contacts are people, with their number as bare digits', async (t) => {
	const {get, receive} = await link();
	for (const number of [JANE, '15550119999']) await receive(number, 'hi');
	const contacts = await get<Record<string, unknown>[]>('/contacts');
	const jane = contacts.find(({jid}) => jid === `${JANE}@c.us`);
	t.deepEqual(Object.keys(jane ?? {}), ['jid', 'name', 'phoneNumber', 'isGroup']);
	t.like(jane, {phoneNumber: JANE, isGroup: false});
	t.deepEqual(await get('/contacts?limit=1&offset=1'), contacts.slice(1, 2));
	t.deepEqual(await get('/contacts?offset=100'), []);
});

test('a profile picture is a link or null', async (t) => {
	const {get, receive} = await link();
	await receive(JANE, 'hi');
	const {profilePictureUrl, ...rest} = await get<{profilePictureUrl: string | null}>(`/contacts/${JANE}/picture`);
	t.deepEqual(rest, {});
	t.true(profilePictureUrl === null || URL.canParse(profilePictureUrl));
});

test('a message that somebody sent is shown as it is, without a life of its own', async (t) => {
	const {get, receive} = await link();
	const id = await receive(JANE, 'hello');
	const message = await get<KnownView>(`/messages/${encodeURIComponent(id)}`);
	t.like(message, {id, body: 'hello', fromMe: false, status: null, failure: null, commandId: null});
	t.like(message, {chatId: `${JANE}@c.us`, type: 'text', text: 'hello', senderJid: `${JANE}@c.us`});
	const [contact] = await get<{name: string}[]>('/contacts');
	t.like(message, {senderPushName: contact?.name});
	t.deepEqual(message.timeline, []);
	const key = id.split('_')[2] ?? '';
	t.deepEqual(await get(`/messages/${key}?chatId=%2B${JANE}`), message);
});

test('a message that was sent through here is found by id, key and command, with what became of it', async (t) => {
	const {get, tenant, path} = await link();
	const sent = await tenant.client.call<{id: string; commandId: string}>('POST', `${path}/send`, {
		chatId: JANE,
		text: 'hello',
		skipPresence: true,
	});
	const message = await eventually(async () => {
		const found = await get<KnownView>(`/messages/${sent.id}`);
		return found.status === 'read' && found.timeline.length === 4 && found;
	});
	t.like(message, {id: sent.id, body: 'hello', fromMe: true, commandId: sent.commandId, failure: null});
	t.deepEqual(
		message.timeline.map(({status}) => status),
		['queued', 'sent', 'delivered', 'read'],
	);
	for (const {at} of message.timeline) t.regex(at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
	t.deepEqual(await get(`/messages/${sent.commandId}`), message);
	t.deepEqual(await get(`/messages/${sent.id.split('_')[2] ?? ''}`), message);
});

test('a send that is still on its way, or failed, is told from its row', async (t) => {
	const {get, id, tenant} = await link();
	const {commandStore} = gateway.stores;
	const row = {userId: tenant.user.id, connectionId: id, chatId: `${JANE}@c.us`};
	const queued = await commandStore.create(sampleCommand(row));
	t.like(await get(`/messages/${queued.id}`), {
		id: queued.id,
		chatId: `${JANE}@c.us`,
		fromMe: true,
		status: 'queued',
		failure: null,
		commandId: queued.id,
	});
	const failed = await commandStore.create(sampleCommand(row));
	await commandStore.claim(failed.id, 'somebody', new Date());
	const failure = {
		code: 'RECIPIENT_NOT_ON_WHATSAPP',
		message: 'This number is not on WhatsApp',
		retryAfterMs: 5,
	} as const;
	await commandStore.finish(failed.id, {status: 'failed', failure}, new Date());
	const shown = await get<KnownView & {failure: object}>(`/messages/${failed.id}`);
	t.is(shown.status, 'failed');
	t.deepEqual(shown.failure, {code: failure.code, message: failure.message});
	t.deepEqual(
		shown.timeline.map(({status}) => status),
		['queued', 'failed'],
	);
});

test('another connection’s send is not found', async (t) => {
	const {tenant, path} = await link();
	const elsewhere = await gateway.stores.commandStore.create(sampleCommand({chatId: `${JANE}@c.us`}));
	const response = await tenant.client.fetch('GET', `${path}/messages/${elsewhere.id}?chatId=${JANE}`);
	t.is(response.status, 404);
	t.like(await response.json(), {message: 'Message not found', code: 'MESSAGE_NOT_FOUND'});
});

test('the file of a message is downloaded, by its event’s link and by the message', async (t) => {
	const {get, receive, tenant, path} = await link();
	const messageId = await receive(JANE, 'look', {type: 'image'});
	const response = await tenant.client.fetch('GET', `${path}/messages/${messageId}/media`);
	t.is(response.status, 200);
	t.regex(response.headers.get('content-type') ?? '', /^image\//);
	const bytes = Buffer.from(await response.arrayBuffer());
	t.true(bytes.length > 100);
	t.like(await get(`/messages/${messageId}`), {hasMedia: true});
	const text = await receive(JANE, 'no file');
	t.is((await tenant.client.fetch('GET', `${path}/messages/${text}/media`)).status, 404);
});

test('in lists and alone, a message with a file links to it, absolutely; one without has none', async (t) => {
	const {get, receive, tenant, id} = await link();
	const text = await receive(JANE, 'no file');
	const image = await receive(JANE, 'look', {type: 'image'});
	const file = `${encodeURIComponent(image)}/media?chatId=${JANE}%40c.us`;
	const url = `${gateway.publicUrl}/api/connections/${id}/messages/${file}`;
	const plain = await get<FileView[]>(`/chats/${JANE}/messages`);
	const {messages} = await get<{messages: FileView[]}>(`/chats/%2B${JANE}/messages?limit=2`);
	const alone = [image, text].map((message) => get<FileView>(`/messages/${encodeURIComponent(message)}`));
	const named = [image, text].map((message) =>
		get<FileView>(`/messages/${message.split('_')[2] ?? ''}?chatId=${JANE}`),
	);
	for (const shown of [plain, messages, await Promise.all(alone), await Promise.all(named)]) {
		t.deepEqual(
			shown.map(({hasMedia}) => hasMedia),
			[true, false],
		);
		t.like(shown[0]?.media, {url, filename: null, mimetype: 'image/jpeg'});
		t.is(shown[1]?.media, null);
	}
	const response = await tenant.client.fetch('GET', url.slice(`${gateway.publicUrl}/api`.length));
	t.is(response.status, 200);
	t.is(response.headers.get('content-type'), 'image/jpeg');
	t.true((await response.arrayBuffer()).byteLength > 100);
});

test('while no phone is linked there is nothing to read', async (t) => {
	const {client} = await gateway.createTenant();
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	const path = `/connections/${id}`;
	t.deepEqual(await client.call('GET', `${path}/chats`), []);
	t.deepEqual(await client.call('GET', `${path}/chats?unread_only=true`), []);
	t.deepEqual(await client.call('GET', `${path}/contacts`), []);
	t.deepEqual(await client.call('GET', `${path}/chats/${JANE}/messages`), []);
	t.deepEqual(await client.call('GET', `${path}/chats/${JANE}/messages?limit=5`), {
		messages: [],
		nextBefore: null,
		historyStartsAt: null,
	});
	t.deepEqual(await client.call('GET', `${path}/contacts/${JANE}/picture`), {profilePictureUrl: null});
	t.is((await client.fetch('GET', `${path}/messages/true_${JANE}@c.us_A`)).status, 404);
});

test('an engine that fails is 502, 503 or 504 with a code, never an empty list', async (t) => {
	await using failing = await createGatewayHarness();
	const tenant = await failing.createTenant();
	const {id} = await createLinkedConnection(tenant);
	const [worker] = failing.dependencies.workers.workers();
	const {history} = failing.dependencies.workers.engineOf(worker?.id ?? '');
	for (const [code, status] of [
		['ENGINE_REFUSED', 502],
		['ENGINE_UNAVAILABLE', 503],
		['SESSION_NOT_FOUND', 503],
		['ENGINE_TIMEOUT', 504],
	] as const) {
		const fail = (): Promise<never> => Promise.reject(new EngineError(code, 'the engine failed'));
		Object.assign(history, {chats: fail, messages: fail, findMessage: fail, contacts: fail, profilePicture: fail});
		for (const path of [
			'/chats',
			'/chats?unread_only=true',
			`/chats/${JANE}/messages`,
			`/chats/${JANE}/messages?limit=5`,
			'/contacts',
			`/contacts/${JANE}/picture`,
			`/messages/true_${JANE}@c.us_A`,
		]) {
			const response = await tenant.client.fetch('GET', `/connections/${id}${path}`);
			t.is(response.status, status, `${path} ${code}`);
			const body = (await response.json()) as ErrorBody;
			t.is(body.code, code);
			t.is(body.retryable, code !== 'ENGINE_REFUSED');
		}
	}
});

test('a phone that is linked but cannot be reached is an outage', async (t) => {
	const {tenant, path} = await link();
	await tenant.client.call('POST', `/simulator${path}/go-offline`);
	const response = await tenant.client.fetch('GET', `${path}/chats`);
	t.is(response.status, 503);
	t.like(await response.json(), {code: 'SESSION_STARTING', retryable: true});
});

test('what is wrong in a query or an id is said', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = sampleConnection({userId: tenant.user.id});
	await gateway.stores.connectionStore.insert(connection);
	for (const [path, message] of [
		['/chats?limit=0', 'limit must be a whole number from 1 to 100'],
		['/chats?limit=101', 'limit must be a whole number from 1 to 100'],
		['/chats?limit=1e1', 'limit must be a whole number from 1 to 100'],
		['/chats?offset=-1', 'offset must be a whole number from 0 to 100000'],
		['/chats?unread_only=yes', 'unread_only must be true or false'],
		[`/chats/${JANE}/messages?limit=x`, 'limit must be a whole number from 1 to 100'],
		[`/chats/${JANE}/messages?before=x`, 'before is not one of ours: take it from nextBefore of the page before'],
		['/chats/nobody/messages', /^chatId "nobody" is not a WhatsApp recipient/],
		['/chats/%00/messages', /is not a WhatsApp recipient/],
		['/contacts/..%2f/picture', /is not a WhatsApp recipient/],
		['/messages/KEY?chatId=nobody', /is not a WhatsApp recipient/],
		['/messages/KEY', /^chatId is required with a bare message key/],
		['/messages/KEY/media', /^chatId is required with a bare message key/],
	] as const) {
		const response = await tenant.client.fetch('GET', `/connections/${connection.id}${path}`);
		t.is(response.status, 400, path);
		const body = (await response.json()) as ErrorBody;
		t.is(body.code, 'VALIDATION_FAILED');
		if (typeof message === 'string') t.is(body.message, message);
		else t.regex(String(body.message), message);
	}
});

test('an empty or repeated parameter is harmless', async (t) => {
	const {get, receive} = await link();
	await receive(JANE, 'hi');
	t.is((await get<object[]>('/chats?limit=&offset=&unread_only=')).length, 1);
	t.is((await get<object[]>('/chats?limit=x&limit=5')).length, 1);
	t.true(Array.isArray(await get(`/chats/${JANE}/messages?limit=&before=`)));
});
