import {randomBytes} from 'node:crypto';
import test from 'ava';
import {MediaStoreUnavailableError} from '../../domain/errors.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import {rawRequest} from '../support/raw-request.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness, createLinkedConnection, type Tenant} from '../support/gateway-harness.ts';
import {inChunks} from '../support/media-content.ts';
import {sampleConnection} from '../support/samples.ts';

// Files that are in the media store; what comes through from an engine is in media-transfer.test.ts.

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const BYTES = randomBytes(200_000);

interface Stored {
	readonly tenant: Tenant;
	readonly connection: Connection;
	/** Of the file, under `/api`. */
	readonly path: string;
	get(headers?: Record<string, string>, method?: string): Promise<Response>;
}

async function store(
	filename: string,
	{contentType = 'image/png', displayName = null as string | null, bytes = BYTES} = {},
): Promise<Stored> {
	const tenant = await gateway.createTenant();
	const connection = sampleConnection({userId: tenant.user.id});
	await gateway.stores.connectionStore.insert(connection);
	await gateway.dependencies.mediaStore.put(
		{connectionId: connection.id, filename},
		{contentType, displayName, content: inChunks(bytes), maxBytes: 10_000_000},
	);
	const path = `/connections/${connection.id}/media/${encodeURIComponent(filename)}`;
	return {
		tenant,
		connection,
		path,
		get: (headers = {}, method = 'GET') => tenant.client.fetch(method, path, undefined, headers),
	};
}

async function bytesOf(response: Response): Promise<Buffer> {
	return Buffer.from(await response.arrayBuffer());
}

test('a file is sent whole, with what clients need to keep and continue it', async (t) => {
	const file = await store('photo.png');
	const response = await file.get();
	t.is(response.status, 200);
	t.is(response.headers.get('content-type'), 'image/png');
	t.is(response.headers.get('content-length'), String(BYTES.length));
	t.is(response.headers.get('accept-ranges'), 'bytes');
	t.regex(response.headers.get('etag') ?? '', /^"[0-9a-f]{64}"$/);
	t.true(Math.abs(Date.parse(response.headers.get('last-modified') ?? '') - Date.now()) < 60_000);
	t.is(response.headers.get('cache-control'), 'private, max-age=3600');
	t.deepEqual(await bytesOf(response), BYTES);
});

test('HEAD tells the same without the bytes, whatever range it asks for', async (t) => {
	const file = await store('photo.png');
	const whole = await file.get();
	await whole.arrayBuffer();
	for (const headers of [{}, {range: 'bytes=0-9'}, {range: 'bytes=999999999-'}]) {
		const response = await file.get(headers, 'HEAD');
		t.is(response.status, 200);
		for (const name of ['content-type', 'content-length', 'accept-ranges', 'etag', 'content-disposition']) {
			t.is(response.headers.get(name), whole.headers.get(name), name);
		}
		t.is((await bytesOf(response)).length, 0);
	}
});

test('one range is answered with that part', async (t) => {
	const file = await store('photo.png');
	const size = BYTES.length;
	for (const [range, start, end] of [
		['bytes=0-0', 0, 0],
		['bytes=0-99', 0, 99],
		['bytes=65536-131071', 65_536, 131_071],
		['bytes=199999-', size - 1, size - 1],
		['bytes=-1', size - 1, size - 1],
		['bytes=-999999999', 0, size - 1],
		[`bytes=100-${'9'.repeat(15)}`, 100, size - 1],
	] as const) {
		const response = await file.get({range});
		t.is(response.status, 206, range);
		t.is(response.headers.get('content-range'), `bytes ${start}-${end}/${size}`);
		t.is(response.headers.get('content-length'), String(end - start + 1));
		t.deepEqual(await bytesOf(response), BYTES.subarray(start, end + 1), range);
	}
});

test('several ranges, and what is no range, are answered with the whole file', async (t) => {
	const file = await store('photo.png');
	for (const range of [
		'bytes=0-1,5-6',
		'bytes=',
		'bytes=-',
		'bytes=5-1',
		'bytes=a-b',
		'pages=1-2',
		'0-5',
		'bytes=1-2-3',
	]) {
		const response = await file.get({range});
		t.is(response.status, 200, range);
		t.is(response.headers.get('content-range'), null);
		t.is((await bytesOf(response)).length, BYTES.length);
	}
});

test('a range behind the end is 416 and tells the size', async (t) => {
	const file = await store('photo.png');
	for (const range of ['bytes=200000-', 'bytes=200000-200001', 'bytes=-0', `bytes=${'9'.repeat(15)}-`]) {
		const response = await file.get({range});
		t.is(response.status, 416, range);
		t.is(response.headers.get('content-range'), 'bytes */200000');
		t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
		t.like(await response.json(), {code: 'RANGE_NOT_SATISFIABLE', statusCode: 416});
	}
	const empty = await store('empty.png', {bytes: Buffer.alloc(0)});
	t.is((await empty.get({range: 'bytes=0-'})).status, 416);
	t.is((await empty.get()).headers.get('content-length'), '0');
});

test('a file that the client has already is 304, by its tag or else its date', async (t) => {
	const file = await store('photo.png');
	const {headers} = await file.get({}, 'HEAD');
	const etag = headers.get('etag') ?? '';
	const modified = headers.get('last-modified') ?? '';
	const later = new Date(Date.parse(modified) + 1000).toUTCString();
	for (const condition of [
		{'if-none-match': etag},
		{'if-none-match': `"other", W/${etag}`},
		{'if-none-match': '*'},
		{'if-modified-since': modified},
		{'if-modified-since': later},
	]) {
		const response = await file.get(condition);
		t.is(response.status, 304, JSON.stringify(condition));
		t.is(response.headers.get('etag'), etag);
		t.is((await bytesOf(response)).length, 0);
	}
	const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
	for (const condition of [
		{'if-none-match': '"other"'},
		{'if-none-match': '"other"', 'if-modified-since': later},
		{'if-modified-since': earlier},
		{'if-modified-since': 'yesterday'},
	] as Record<string, string>[]) {
		t.is((await file.get(condition, 'HEAD')).status, 200, JSON.stringify(condition));
	}
});

test('If-Range continues only the same file', async (t) => {
	const file = await store('photo.png');
	const {headers} = await file.get({}, 'HEAD');
	const etag = headers.get('etag') ?? '';
	const modified = headers.get('last-modified') ?? '';
	for (const [condition, status] of [
		[etag, 206],
		[modified, 206],
		[`W/${etag}`, 200],
		['"other"', 200],
		[new Date(0).toUTCString(), 200],
	] as const) {
		const response = await file.get({range: 'bytes=5-9', 'if-range': condition});
		t.is(response.status, status, condition);
		await response.arrayBuffer();
	}
});

test('what a browser could run is saved, never shown, and could do nothing if it were', async (t) => {
	for (const [contentType, disposition] of [
		['image/png', 'inline'],
		['image/webp', 'inline'],
		['audio/ogg; codecs=opus', 'inline'],
		['video/mp4', 'inline'],
		['application/pdf', 'inline'],
		['text/html', 'attachment'],
		['text/html; charset=utf-8', 'attachment'],
		['image/svg+xml', 'attachment'],
		['IMAGE/SVG+XML', 'attachment'],
		['application/xhtml+xml', 'attachment'],
		['text/xml', 'attachment'],
		['text/plain', 'attachment'],
		['application/pdfx', 'attachment'],
		['application/octet-stream', 'attachment'],
	] as const) {
		const file = await store('file', {contentType});
		const {headers} = await file.get({}, 'HEAD');
		t.is(headers.get('content-type'), contentType, 'as it is, without a charset that nobody knows');
		t.is(headers.get('content-disposition'), `${disposition}; filename="file"`, contentType);
		t.is(headers.get('x-content-type-options'), 'nosniff');
		t.regex(headers.get('content-security-policy') ?? '', /default-src 'none'.*; sandbox$/);
	}
});

test('the name to save under can have any script, and never breaks out of its header', async (t) => {
	for (const [displayName, expected] of [
		['report.pdf', 'inline; filename="report.pdf"'],
		['Läden 👋.pdf', 'inline; filename="L_den _.pdf"; filename*=UTF-8\'\'L%C3%A4den%20%F0%9F%91%8B.pdf'],
		['a"b\\c%41.pdf', 'inline; filename="a_b_c_41.pdf"; filename*=UTF-8\'\'a%22b%5Cc%2541.pdf'],
		["it's (1)*.pdf", 'inline; filename="it\'s (1)*.pdf"'],
		["é'(1)*.pdf", "inline; filename=\"_'(1)*.pdf\"; filename*=UTF-8''%C3%A9%27%281%29%2A.pdf"],
		['x\r\nSet-Cookie: a=b', 'inline; filename="x__Set-Cookie: a=b"; filename*=UTF-8\'\'x%0D%0ASet-Cookie%3A%20a%3Db'],
		['\ud800.pdf', 'inline; filename="_.pdf"; filename*=UTF-8\'\'%EF%BF%BD.pdf'],
	] as const) {
		const file = await store('stored-under', {contentType: 'application/pdf', displayName});
		const {headers, status} = await file.get({}, 'HEAD');
		t.is(status, 200);
		t.is(headers.get('content-disposition'), expected);
		t.is(headers.get('set-cookie'), null);
	}
});

test('names that could mean another place are 404 Invalid filename', async (t) => {
	const {tenant, connection} = await store('photo.png');
	const base = `/api/connections/${connection.id}/media/`;
	const headers = {authorization: `Bearer ${tenant.token}`};
	for (const name of ['..', '..%2f', '..%2fphoto.png', '%2e%2e', 'a%2fb', 'a%5cb', '..%5c..', 'photo.png%00', '....']) {
		const {status, body} = await rawRequest(gateway.url, base + name, {headers});
		t.is(status, 404, name);
		t.like(JSON.parse(body.toString()), {message: 'Invalid filename', code: 'MEDIA_NOT_FOUND'});
	}
	for (const name of ['a/b', '../photo.png', '']) {
		const {status, body} = await rawRequest(gateway.url, base + name, {headers});
		t.is(status, 404, name);
		t.like(JSON.parse(body.toString()), {code: 'ROUTE_NOT_FOUND'});
	}
	t.is((await rawRequest(gateway.url, `${base}%ff`, {headers})).status, 400);
});

test('a name of spaces, percent signs and other scripts is found under its encoded form', async (t) => {
	for (const name of ['a b.png', '100%.png', 'Läden.png', '#?&+.png', '👋']) {
		const file = await store(name);
		t.is((await file.get({}, 'HEAD')).status, 200, name);
	}
});

test('an unknown file is 404 Media not found; one that is known to be gone is 410 with the reason', async (t) => {
	const {tenant, connection} = await store('photo.png');
	const path = `/connections/${connection.id}/media`;
	const unknown = await tenant.client.fetch('GET', `${path}/other.png`);
	t.is(unknown.status, 404);
	t.like(await unknown.json(), {message: 'Media not found', code: 'MEDIA_NOT_FOUND'});
	const key = {connectionId: connection.id, filename: 'late.png'};
	await gateway.dependencies.mediaStore.noteMissing(key, 'WhatsApp no longer has this file', new Date());
	const gone = await tenant.client.fetch('GET', `${path}/late.png`);
	t.is(gone.status, 410);
	t.like(await gone.json(), {message: 'WhatsApp no longer has this file', code: 'MEDIA_EXPIRED'});
});

test('a file that cannot be fetched yet is 503 with the time of the next try, and not a file that nobody knows', async (t) => {
	const tenant = await gateway.createTenant();
	const {client} = tenant;
	const {id} = await createLinkedConnection(tenant);
	await client.call('POST', `/simulator/connections/${id}/chaos`, {media: 'gone'});
	await client.call('POST', `/simulator/connections/${id}/message-from`, {from: '15550120000', type: 'image'});
	const url = await eventually(async () => {
		const logged = await gateway.stores.eventStore.listAfter(tenant.user.id, 0, 100);
		return /"url":"([^"]+)"/.exec(logged.map(({body}) => body).join('\n'))?.[1] ?? false;
	});
	const path = url.slice(`${gateway.publicUrl}/api`.length);
	const response = await eventually(async () => {
		const asked = await client.fetch('GET', path);
		return asked.status !== 404 && asked;
	});
	t.is(response.status, 503);
	const retryAfter = Number(response.headers.get('retry-after'));
	t.true(retryAfter >= 1 && retryAfter <= 60, `${retryAfter} s`);
	t.like(await response.json(), {code: 'MEDIA_NOT_READY', retryable: true});
});

test('a file is its owner’s alone, under his own connection alone', async (t) => {
	const file = await store('photo.png');
	const stranger = await gateway.createTenant();
	t.is((await stranger.client.fetch('GET', file.path)).status, 403);
	t.is((await fetch(`${gateway.url}/api${file.path}`)).status, 401);
	const own = sampleConnection({userId: file.tenant.user.id});
	await gateway.stores.connectionStore.insert(own);
	t.is((await file.tenant.client.fetch('GET', `/connections/${own.id}/media/photo.png`)).status, 404);
});

test('a client that goes away disturbs nobody', async (t) => {
	const bytes = randomBytes(5_000_000);
	const file = await store('large.png', {bytes});
	const leaving = new AbortController();
	const response = await fetch(`${gateway.url}/api${file.path}`, {
		headers: {authorization: `Bearer ${file.tenant.token}`},
		signal: leaving.signal,
	});
	leaving.abort();
	await t.throwsAsync(response.arrayBuffer());
	const others = await Promise.all([1, 2, 3].map(async () => bytesOf(await file.get())));
	for (const other of others) t.true(other.equals(bytes), 'memory that is used again is nobody else’s');
	t.deepEqual(gateway.log.of('http.failed'), []);
});

test('a media store that is away is 503, and says nothing of the file', async (t) => {
	await using away = await createGatewayHarness();
	const {mediaStore} = away.dependencies;
	const tenant = await away.createTenant();
	const connection = sampleConnection({userId: tenant.user.id});
	await away.stores.connectionStore.insert(connection);
	const key = {connectionId: connection.id, filename: 'photo.png'};
	await mediaStore.put(key, {contentType: 'image/png', displayName: null, content: inChunks(BYTES), maxBytes: 1e6});
	mediaStore.open = () => Promise.reject(new MediaStoreUnavailableError('the disk is away'));
	const response = await tenant.client.fetch('GET', `/connections/${connection.id}/media/photo.png`);
	t.is(response.status, 503);
	t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
	for (const name of ['etag', 'content-disposition', 'last-modified', 'accept-ranges']) {
		t.is(response.headers.get(name), null, name);
	}
	t.like(await response.json(), {code: 'MEDIA_STORE_UNAVAILABLE', retryable: true});
});
