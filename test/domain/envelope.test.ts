import test from 'ava';
import {WahaIngress} from '../../adapters/waha/waha-ingress.ts';
import {eventId, prepareEvent, type EventEnvelope} from '../../domain/events/envelope.ts';
import {rewriteMedia} from '../../domain/events/media.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {loadSampleEvents} from '../support/sample-events.ts';

const OWNER = {userId: 'user-1', connectionId: 'connection-1'};
const PUBLIC_URL = 'https://gateway.example';
const MEDIA_URL = `${PUBLIC_URL}/api/connections/connection-1/media`;

const samples = loadSampleEvents().map(({name, envelope}) => {
	const ingress = new WahaIngress({clock: new ManualClock()});
	return {name, sample: envelope, event: ingress.parse(Buffer.from(JSON.stringify(envelope)))};
});

const text: UpstreamEvent = {
	session: 'default',
	event: 'message',
	id: 'evt_01kwxf52z4xg4t2b4j9bf980a0',
	timestampMs: 1_783_400_401_892,
	payload: {id: 'false_11111111111@c.us_3EB0A0F1B2C3D4E5F60718', body: 'Hi there!'},
};

for (const {name, sample, event} of samples) {
	test(`${name} keeps everything but the addresses of our machines`, (t) => {
		const prepared = prepareEvent(event, OWNER, PUBLIC_URL, 1);
		const envelope = read(prepared.body);
		const media = (sample.payload as {media?: {url?: string | null; s3?: object} | null}).media;
		const source = media?.url ?? undefined;
		t.deepEqual(differences(sample.payload, envelope.payload), [
			...(source === undefined ? [] : ['media.url']),
			...(media?.s3 === undefined ? [] : ['media.s3']),
		]);
		if (source !== undefined) {
			const filename = new URL(source).pathname.split('/').at(-1) ?? '';
			t.is((envelope.payload as {media: {url: string}}).media.url, `${MEDIA_URL}/${filename}`);
			t.deepEqual(prepared.media, [{filename, url: source}]);
		}

		const {payload: _, environment, timestamp, ...frame} = sample;
		t.deepEqual(
			{...frame, id: envelope.id, connectionId: 'connection-1'},
			omit(envelope, 'payload', 'environment', 'timestamp'),
		);
		t.is(envelope.timestamp, new Date(Number(timestamp)).toISOString());
		t.deepEqual(differences(environment, envelope.environment), ['worker']);
	});
}

test('an event has the same id each time it comes, and its time is in it', (t) => {
	const first = eventId(text);
	t.regex(first, /^evt_[0-9A-HJKMNP-TV-Z]{26}$/);
	t.is(eventId({...text, payload: {other: true}, me: {id: 'x'}}), first);
	t.is(prepareEvent(text, OWNER, PUBLIC_URL, 1).id, first);
	t.is(prepareEvent(text, OWNER, PUBLIC_URL, 2).id, first);
	t.true(eventId({...text, timestampMs: text.timestampMs + 1, id: 'evt_0'}) > first);
});

test('message and message.any of one message are two events, although the engine gives both one id', (t) => {
	t.not(eventId({...text, event: 'message.any'}), eventId(text));
});

test('two sessions never share an event', (t) => {
	t.not(eventId({...text, session: 'another'}), eventId(text));
});

test('events without an id of the engine are told apart by their payload', (t) => {
	const nameless = {...text, id: ''};
	t.is(eventId({...nameless}), eventId(nameless));
	t.not(eventId({...nameless, payload: {body: 'another'}}), eventId(nameless));
});

test('every sample has an id of its own', (t) => {
	const ids = new Set(samples.map(({event}) => eventId(event)));
	t.is(ids.size, samples.length);
});

test('optional keys that were absent stay absent, null stays null', (t) => {
	t.deepEqual(Object.keys(read(prepareEvent(text, OWNER, PUBLIC_URL, 1).body)), [
		'id',
		'event',
		'connectionId',
		'session',
		'timestamp',
		'payload',
	]);
	t.is(read(prepareEvent({...text, me: null}, OWNER, PUBLIC_URL, 1).body).me, null);
});

test('our own metadata stays here, the tenant’s goes out', (t) => {
	const withMetadata = (metadata: unknown): unknown =>
		read(prepareEvent({...text, metadata}, OWNER, PUBLIC_URL, 1).body).metadata;
	t.deepEqual(withMetadata({'gw.session': '42', 'user.id': '123'}), {'user.id': '123'});
	t.is(withMetadata({'gw.session': '42'}), undefined);
	t.is(withMetadata(null), undefined);
});

test('media of quoted, revoked and edited messages are rewritten too, at any depth', (t) => {
	const file = (name: string): object => ({hasMedia: true, media: {url: `http://waha:3000/api/files/default/${name}`}});
	const payload = {
		...file('own.jpeg'),
		replyTo: file('quoted.jpeg'),
		before: {...file('before.pdf'), replyTo: file('deep.ogg')},
		after: {body: 'no media', media: null},
	};
	const rewritten = rewriteMedia(payload, MEDIA_URL);
	t.deepEqual(
		rewritten.sources.map(({filename}) => filename),
		['own.jpeg', 'quoted.jpeg', 'before.pdf', 'deep.ogg'],
	);
	t.false(JSON.stringify(rewritten.payload).includes('waha'));
	t.deepEqual(differences(payload, rewritten.payload), [
		'media.url',
		'replyTo.media.url',
		'before.media.url',
		'before.replyTo.media.url',
	]);
	t.true(JSON.stringify(payload).includes('waha'), 'the input is as it was');
});

test('the query of a media address, which may hold a key, goes no further than to whoever fetches it', (t) => {
	const url = 'https://bucket.s3.eu-central-1.amazonaws.com/default/AA%20BB.jpeg?X-Amz-Signature=secret#top';
	const {payload, sources} = rewriteMedia({media: {url, s3: {Bucket: 'bucket', Key: 'k'}}}, MEDIA_URL);
	t.deepEqual(payload, {media: {url: `${MEDIA_URL}/AA%20BB.jpeg`}});
	t.deepEqual(sources, [{filename: 'AA%20BB.jpeg', url}]);
});

for (const url of [
	'http://waha-1:3000',
	'http://waha-1:3000/',
	'http://waha-1:3000?key=secret',
	'file:///waha-1/x',
	'waha-1',
]) {
	test(`a media address without a file name shows nothing: ${url}`, (t) => {
		t.deepEqual(rewriteMedia({media: {url, mimetype: 'image/jpeg'}}, MEDIA_URL), {
			payload: {media: {url: null, mimetype: 'image/jpeg'}},
			sources: [],
		});
	});
}

test('the deprecated second address of a file is dropped', (t) => {
	const {payload} = rewriteMedia({mediaUrl: 'http://waha-1:3000/api/files/x.jpeg', body: ''}, MEDIA_URL);
	t.is(JSON.stringify(payload), '{"body":""}');
});

test('payloads without media, or without any shape, stay as they are', (t) => {
	for (const payload of [null, 'text', 7, [], ['a'], {}, {media: null}, {media: {url: null}}, {replyTo: null}]) {
		t.deepEqual(rewriteMedia(payload, MEDIA_URL), {payload, sources: []});
	}
});

function read(body: Buffer): EventEnvelope {
	return JSON.parse(body.toString()) as EventEnvelope;
}

function omit(value: object, ...keys: readonly string[]): object {
	return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** The paths at which two values differ. */
function differences(left: unknown, right: unknown, path = ''): readonly string[] {
	if (Object.is(left, right)) return [];
	if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return [path];
	const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
	return [...keys].flatMap((key) =>
		differences(
			(left as Record<string, unknown>)[key],
			(right as Record<string, unknown>)[key],
			path === '' ? key : `${path}.${key}`,
		),
	);
}
