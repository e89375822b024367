import {createHash} from 'node:crypto';
import test from 'ava';
import {Attachments} from '../../dispatchers/command/attachments.ts';
import type {OutboundContent, OutboundFile} from '../../domain/messaging/outbound.ts';
import {MediaFetchFailedError} from '../../domain/errors.ts';
import {CHAT, CommandFixture} from '../support/command-fixture.ts';
import type {GatedCall} from '../support/gated-engine.ts';
import {inChunks, readAll} from '../support/media-content.ts';
import {sampleCommand} from '../support/samples.ts';

const OTHER_CHAT = '15550002222@c.us';
const URL = 'https://files.example/reports/q1';
const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(200_000, 7)]);
const RECEIPT = {id: null, timestamp: 1_700_000_000};
const MB = 1024 * 1024;

function at(url: string, changes: Partial<OutboundFile> = {}): OutboundContent {
	const file = {source: {kind: 'url', url}, mimetype: null, filename: null, ...changes} as const;
	return {kind: 'document', file, caption: 'c'};
}

/** Stores a file as an upload does. */
async function upload(
	{harness, connection}: CommandFixture,
	bytes: Buffer,
	changes: Partial<OutboundFile> = {},
): Promise<OutboundContent> {
	const filename = `upload-${harness.media.filenames.length}`;
	const incoming = {contentType: 'application/octet-stream', displayName: null, maxBytes: 1e9};
	await harness.media.put({connectionId: connection.id, filename}, {...incoming, content: inChunks(bytes)});
	const sha256 = createHash('sha256').update(bytes).digest('hex');
	const file = {source: {kind: 'stored', filename, sha256}, mimetype: null, filename: null, ...changes} as const;
	return {kind: 'image', file, caption: null};
}

/** What the engine was given, read twice. */
async function given(call: GatedCall): Promise<{mimetype: string; filename: string; sizeBytes: number; bytes: Buffer}> {
	const content = call.message?.content;
	if (content === undefined || !('file' in content)) throw new Error('no file');
	const {mimetype, filename, sizeBytes, open} = content.file;
	const bytes = await readAll(open());
	if (!bytes.equals(await readAll(open()))) throw new Error('the second reading differs');
	return {mimetype, filename, sizeBytes, bytes};
}

test('an uploaded file reaches the engine whole, with its type by content, and is removed when the message is sent', async (t) => {
	await using fixture = await CommandFixture.create();
	const outcome = fixture.sendContent(await upload(fixture, PNG));
	const call = await fixture.call();
	t.deepEqual(await given(call), {mimetype: 'image/png', filename: 'file.png', sizeBytes: PNG.length, bytes: PNG});
	t.is(fixture.harness.media.filenames.length, 1);
	call.answer(RECEIPT);
	t.like(await outcome, {kind: 'done'});
	t.deepEqual(fixture.harness.media.filenames, []);
});

test('a file behind a URL is fetched once, before anything is claimed, and removed when the message is sent', async (t) => {
	await using fixture = await CommandFixture.create();
	const {web, media} = fixture.harness;
	web.files.set(URL, {bytes: PNG, contentType: 'text/html', filename: 'über/../chart.png', sizeBytes: PNG.length});
	const outcome = fixture.sendContent(at(URL));
	const call = await fixture.call();
	t.deepEqual(await given(call), {mimetype: 'image/png', filename: 'chart.png', sizeBytes: PNG.length, bytes: PNG});
	t.like(call.message, {chatId: CHAT, content: {kind: 'document', caption: 'c'}});
	call.answer(RECEIPT);
	await outcome;
	t.deepEqual(web.fetched, [URL]);
	t.deepEqual(media.filenames, []);
});

for (const [what, file, served, expected] of [
	['the tenant', {mimetype: 'text/x-own', filename: 'own.txt'}, {filename: 'a.pdf'}, ['text/x-own', 'own.txt']],
	['the tenant’s name', {filename: 'own.csv'}, {bytes: Buffer.from('a,b'), filename: 'a.pdf'}, ['text/csv', 'own.csv']],
	['the content', {}, {contentType: 'text/html', filename: 'a.pdf'}, ['image/png', 'a.pdf']],
	['the served name', {}, {bytes: Buffer.from('a,b'), filename: 'a.csv'}, ['text/csv', 'a.csv']],
	['the server', {}, {bytes: Buffer.alloc(9), contentType: 'font/ttf'}, ['font/ttf', 'file.bin']],
	['nobody', {}, {bytes: Buffer.alloc(9), contentType: 'no type\r\nX: 1'}, ['application/octet-stream', 'file.bin']],
] as const) {
	test(`the type and the name of a file are as ${what} tells`, async (t) => {
		await using fixture = await CommandFixture.create();
		fixture.harness.web.files.set(URL, {bytes: PNG, ...served});
		const outcome = fixture.sendContent(at(URL, file));
		const call = await fixture.call();
		const {mimetype, filename} = await given(call);
		t.deepEqual([mimetype, filename], [...expected]);
		call.answer(RECEIPT);
		await outcome;
	});
}

for (const [what, file, code, reason] of [
	[
		'that is refused',
		{failure: new MediaFetchFailedError('The address 10.0.0.1 is private')},
		'MEDIA_FETCH_FAILED',
		/10\.0\.0\.1 is private/,
	],
	[
		'whose transfer breaks off',
		{bytes: PNG, breaksOff: new Error('socket hang up at 10.1.2.3')},
		'MEDIA_FETCH_FAILED',
		/^The file could not be fetched: its transfer broke off$/,
	],
	['that is empty', {bytes: Buffer.alloc(0)}, 'MEDIA_FETCH_FAILED', /empty/],
	[
		'that says it is too large',
		{bytes: PNG, sizeBytes: 10_000 * MB},
		'MEDIA_TOO_LARGE',
		/^The file is larger than \d+ MB$/,
	],
] as const) {
	test(`a file ${what} fails the message with the reason, before it is typed or sent, and leaves nothing`, async (t) => {
		await using fixture = await CommandFixture.create();
		const {harness, gate} = fixture;
		harness.web.files.set(URL, file);
		const {id} = await fixture.post({}, {message: {chatId: CHAT, content: at(URL)}, humanlike: true});
		const ended = await fixture.ended(id);
		t.like(ended, {status: 'failed', failure: {code}});
		t.regex(ended.failure?.message ?? '', reason);
		t.deepEqual(gate.actions, []);
		await fixture.settled();
		t.deepEqual(harness.media.filenames, []);
		t.is(harness.web.open, 0, 'no transfer is left open');
	});
}

test('a file of the largest size is sent, one byte more is refused, whatever the server says of it', async (t) => {
	await using fixture = await CommandFixture.create();
	const {media, web, log} = fixture.harness;
	const attachments = new Attachments({media, fetcher: web, maxBytes: MB, log});
	const {signal} = new AbortController();
	const open = (content: OutboundContent): Promise<unknown> => {
		const {id, userId, connectionId} = sampleCommand({connectionId: fixture.connection.id});
		const message = {chatId: CHAT, content};
		const command = {kind: 'message.send', id, userId, connectionId, message, humanlike: false} as const;
		if (!('file' in content)) throw new Error('no file');
		return attachments.open(command, content.file, signal);
	};
	for (const sizeBytes of [null, 5]) {
		web.files.set(URL, {bytes: Buffer.alloc(MB), sizeBytes});
		t.like(await open(at(URL)), {sizeBytes: MB});
		web.files.set(URL, {bytes: Buffer.alloc(MB + 1), sizeBytes});
		await t.throwsAsync(open(at(URL)), {code: 'MEDIA_TOO_LARGE', message: 'The file is larger than 1 MB'});
	}
	t.like(await open(await upload(fixture, Buffer.alloc(MB))), {sizeBytes: MB});
	await t.throwsAsync(open(await upload(fixture, Buffer.alloc(MB + 1))), {code: 'MEDIA_TOO_LARGE'});
});

test('an upload that is gone fails the message, and says what to do', async (t) => {
	await using fixture = await CommandFixture.create();
	const content = await upload(fixture, PNG);
	await fixture.harness.media.removeAll(fixture.connection.id);
	const error = await t.throwsAsync(fixture.sendContent(content), {code: 'MEDIA_NOT_FOUND'});
	t.regex(error.message, /send it again/);
	t.is(fixture.gate.calls.length, 0);
});

test('a media store that is away fails the message before it is sent; afterwards it costs the message nothing', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	harness.web.files.set(URL, {bytes: PNG});
	harness.media.away = true;
	await t.throwsAsync(fixture.sendContent(at(URL)), {code: 'MEDIA_STORE_UNAVAILABLE'});
	t.is(fixture.gate.calls.length, 0);

	harness.media.away = false;
	const outcome = fixture.sendContent(at(URL));
	const call = await fixture.call();
	harness.media.away = true;
	call.answer(RECEIPT);
	t.like(await outcome, {kind: 'done'});
	t.is(harness.log.of('command.file.kept').length, 2, 'each left its file to its expiry');
});

test('a failed send removes its file, too', async (t) => {
	await using fixture = await CommandFixture.create();
	const outcome = fixture.sendContent(await upload(fixture, PNG));
	(await fixture.call()).fail(new MediaFetchFailedError('the engine did not like it'));
	await t.throwsAsync(outcome);
	t.deepEqual(fixture.harness.media.filenames, []);
});

test('a store that goes away after the fetch: the file is not fetched again', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	harness.web.files.set(URL, {bytes: PNG, filename: 'a.png'});
	harness.storeFaults.refuseNext('claim');
	const {id} = await fixture.post({}, {message: {chatId: CHAT, content: at(URL)}});
	await harness.until(() => harness.log.of('dispatcher.hold').length > 0);
	await harness.wind(2000);
	const call = await fixture.call();
	t.like(await given(call), {bytes: PNG, filename: 'a.png'});
	call.answer(RECEIPT);
	t.like(await fixture.ended(id), {status: 'sent'});
	t.deepEqual(harness.web.fetched, [URL]);
	await harness.until(() => harness.media.filenames.length === 0);
});

test('a claim whose answer was lost: the file is there all the same, and nothing is fetched or typed again', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness, gate} = fixture;
	harness.web.files.set(URL, {bytes: PNG});
	harness.storeFaults.loseNextAnswer('claim');
	const {id} = await fixture.post({}, {message: {chatId: CHAT, content: at(URL)}, humanlike: true});
	await harness.until(() => gate.actions.length === 2);
	await harness.wind(10_000);
	(await fixture.call()).answer(RECEIPT);
	t.like(await fixture.ended(id), {status: 'sent'});
	t.deepEqual(harness.web.fetched, [URL]);
	t.is(gate.actions.filter((action) => action.startsWith('typing')).length, 1);
});

test('a process that ends while it fetches leaves the message to another', async (t) => {
	await using fixture = await CommandFixture.create();
	const {harness} = fixture;
	harness.web.files.set(URL, 'hang');
	const {id} = await fixture.post({}, {message: {chatId: CHAT, content: at(URL)}});
	await harness.until(() => harness.web.fetched.length === 1);
	await fixture.stop();
	t.like(await harness.stores.commandStore.find(id), {status: 'queued', owner: null});
	harness.web.files.set(URL, {bytes: PNG});
	await fixture.start();
	const call = await fixture.call();
	t.like(await given(call), {bytes: PNG});
	call.answer(RECEIPT);
	t.like(await fixture.ended(id), {status: 'sent'});
});

test('a repeat of a command that has ended removes the file that it brought', async (t) => {
	await using fixture = await CommandFixture.create();
	const record = await fixture.post({}, {message: {chatId: CHAT, content: await upload(fixture, PNG)}});
	(await fixture.call()).answer(RECEIPT);
	await fixture.ended(record.id);
	await fixture.publish(record, {message: {chatId: CHAT, content: await upload(fixture, PNG)}});
	await fixture.settled();
	t.deepEqual(fixture.harness.media.filenames, []);
	t.is(fixture.gate.calls.length, 1);
});

test('a send has a minute in the engine, one with a file longer than the 120 s that WAHA’s adapter gives it', async (t) => {
	await using fixture = await CommandFixture.create();
	const outcomes = [fixture.send('text'), fixture.sendContent(await upload(fixture, PNG), {}, OTHER_CHAT)];
	const calls = [await fixture.call(0), await fixture.call(1)];
	const overdue = (): readonly string[] =>
		calls.filter(({deadline}) => deadline?.aborted === true).map(({subject}) => subject);
	await fixture.harness.wind(59_000);
	t.deepEqual(overdue(), []);
	await fixture.harness.wind(2000);
	t.deepEqual(overdue(), ['text']);
	await fixture.harness.wind(60_000);
	t.deepEqual(overdue(), ['text']);
	await fixture.harness.wind(10_000);
	t.deepEqual(overdue().toSorted(), ['image', 'text']);
	for (const call of calls) call.answer(RECEIPT);
	await Promise.all(outcomes);
});

test('a message that another process may still be sending keeps its file', async (t) => {
	await using fixture = await CommandFixture.create();
	const {commandStore} = fixture.harness.stores;
	const {id: connectionId, userId} = fixture.connection;
	const left = sampleCommand({userId, connectionId});
	await commandStore.create(left);
	await commandStore.claim(left.id, 'a slow process', new Date());
	await fixture.publish(left, {message: {chatId: CHAT, content: await upload(fixture, PNG)}});
	t.like(await fixture.ended(left.id), {status: 'unknown'});
	await fixture.settled();
	t.is(fixture.harness.media.filenames.length, 1);
});

test('one Idempotency-Key is one message, however often its file is uploaded; no upload is left behind', async (t) => {
	await using fixture = await CommandFixture.create();
	const options = {idempotencyKey: 'key'};
	const first = fixture.sendContent(await upload(fixture, PNG), options);
	const call = await fixture.call();
	const second = fixture.sendContent(await upload(fixture, PNG), options);
	await fixture.harness.wind(2000);
	call.answer(RECEIPT);
	t.deepEqual(await second, await first);
	t.deepEqual(await fixture.sendContent(await upload(fixture, PNG), options), await first);
	const other = await upload(fixture, Buffer.concat([PNG, Buffer.from('!')]));
	await t.throwsAsync(fixture.sendContent(other, options), {code: 'CONFLICT'});
	t.is(fixture.gate.calls.length, 1);
	t.deepEqual(fixture.harness.media.filenames, []);
});

test('an upload for an engine that cannot send it is refused at once, and removed', async (t) => {
	await using fixture = await CommandFixture.create();
	fixture.gate.capabilityChanges = {'send.image': {level: 'no', note: 'images need another engine'}};
	const content = await upload(fixture, PNG);
	const error = await t.throwsAsync(fixture.sendContent(content), {code: 'NOT_SUPPORTED'});
	t.regex(error.message, /images need another engine/);
	t.deepEqual(fixture.harness.media.filenames, []);
});
