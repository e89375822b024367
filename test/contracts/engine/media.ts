import {buffer} from 'node:stream/consumers';
import type {ExecutionContext} from 'ava';
import type {EngineFile} from '../../../domain/ports/whatsapp-engine.ts';
import {eventually} from '../../support/eventually.ts';
import {
	CHAT,
	fails,
	inTime,
	linkedSession,
	messageReported,
	type Declare,
	type EngineFixture,
	type Payload,
} from './fixture.ts';

const SIZE_BYTES = 300_000;

/** Too much to be on its way at once. */
const LARGE_BYTES = 20_000_000;

/** Files of events. */
export function mediaContract(declare: Declare): void {
	declare('the file of an event can be fetched by its URL and by its name', async (t, fixture) => {
		const {session, url, name} = await withFile(fixture);
		const {media} = fixture.engine;
		const [byUrl, byName] = [await media.open(session, url, inTime()), await media.openByName(session, name, inTime())];
		const bytes = await contentOf(t, byUrl);
		t.is(bytes.length, SIZE_BYTES);
		t.deepEqual(await contentOf(t, byName), bytes);
	});

	declare('the host in a URL is not trusted', async (t, fixture) => {
		const {session, url} = await withFile(fixture);
		const elsewhere = url.replace(/^https?:\/\/[^/]+/, 'http://192.0.2.1:9');
		t.is((await contentOf(t, await fixture.engine.media.open(session, elsewhere, inTime()))).length, SIZE_BYTES);
	});

	declare(
		'a file that the engine has forgotten is not there, until it is fetched from WhatsApp again',
		async (t, fixture) => {
			const {session, url, name, messageId} = await withFile(fixture);
			const {media} = fixture.engine;
			const before = await contentOf(t, await media.open(session, url, inTime()));
			await fixture.forgetFiles(session);
			await fails(t, media.open(session, url, inTime()), 'MEDIA_NOT_FOUND');
			await fails(t, media.openByName(session, name, inTime()), 'MEDIA_NOT_FOUND');
			if (fixture.engine.capabilities()['media-again'].level !== 'no') {
				const again = await media.openOfMessage(session, {chatId: CHAT, messageId}, inTime());
				t.true(again.filename.length > 0 && !again.filename.includes('/'), again.filename);
				t.deepEqual(await contentOf(t, again), before);
				t.deepEqual(await contentOf(t, await media.openByName(session, again.filename, inTime())), before);
			}
		},
	);

	declare('there is no file that never was, and none of a text', async (t, fixture) => {
		const {session, url, name} = await withFile(fixture);
		const {media} = fixture.engine;
		await fails(t, media.openByName(session, `X${name}`, inTime()), 'MEDIA_NOT_FOUND');
		await fails(t, media.open(session, url.replace(name, `X${name}`), inTime()), 'MEDIA_NOT_FOUND');
		if (fixture.engine.capabilities()['media-again'].level === 'no') {
			return;
		}
		const text = await fixture.receive(session, {from: CHAT, text: 'no file'});
		await fails(t, media.openOfMessage(session, {chatId: CHAT, messageId: text}, inTime()), 'MEDIA_NOT_FOUND');
		const unknown = {chatId: CHAT, messageId: `false_${CHAT}_3AAAAAAAAAAAAAAAAAAA`};
		await fails(t, media.openOfMessage(session, unknown, inTime()), 'MESSAGE_NOT_FOUND');
	});

	declare('whoever stops reading a file ends its transfer', async (t, fixture) => {
		const {session, url} = await withFile(fixture, LARGE_BYTES);
		const {content} = await fixture.engine.media.open(session, url, inTime());
		let readBytes = 0;
		for await (const chunk of content) {
			readBytes += chunk.length;
			break;
		}
		t.true(readBytes > 0 && readBytes < LARGE_BYTES, String(readBytes));
		await eventually(() => (fixture.transfers?.() ?? 0) === 0);
	});

	declare('reading a file ends with an error when it is called off', async (t, fixture) => {
		const {session, url} = await withFile(fixture, LARGE_BYTES);
		const caller = new AbortController();
		const {content} = await fixture.engine.media.open(session, url, caller.signal);
		let readBytes = 0;
		const error = await t.throwsAsync(async () => {
			for await (const chunk of content) {
				readBytes += chunk.length;
				caller.abort();
			}
		});
		t.truthy(error);
		t.true(readBytes < LARGE_BYTES, String(readBytes));
		await eventually(() => (fixture.transfers?.() ?? 0) === 0);
	});
}

interface FileScene {
	readonly session: string;
	readonly messageId: string;
	/** As the event gave it. */
	readonly url: string;
	/** Its last part. */
	readonly name: string;
}

/** A session to which a contact sent a file. */
async function withFile(fixture: EngineFixture, sizeBytes = SIZE_BYTES): Promise<FileScene> {
	const session = await linkedSession(fixture);
	const messageId = await fixture.receive(session, {from: CHAT, text: 'a file', sizeBytes});
	const {media} = await messageReported(fixture, session, messageId);
	const url = String((media as Payload)['url']);
	return {session, messageId, url, name: url.slice(url.lastIndexOf('/') + 1)};
}

/** Reads it to the end: as large as was said, of a type that can be said. */
async function contentOf(t: ExecutionContext, {content, contentType, sizeBytes}: EngineFile): Promise<Buffer> {
	const bytes = await buffer(content);
	t.regex(contentType, /^[a-z]+\/[\w.+-]+/);
	t.true(sizeBytes === null || sizeBytes === bytes.length, `${String(sizeBytes)} said, ${bytes.length} came`);
	return bytes;
}
