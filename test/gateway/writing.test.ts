import test from 'ava';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {sampleMessage} from '../support/chat-history.ts';
import {eventually} from '../support/eventually.ts';
import {sampleCommand} from '../support/samples.ts';
import {WritingFixture} from '../support/writing-fixture.ts';

const fixture = await WritingFixture.create();

test.after.always(() => fixture[Symbol.asyncDispose]());

const CHAT = '15550110000@c.us';
const ID = `true_${CHAT}_3EB0D51A3EE2A2B0C4F5`;
const GROUP_ID = 'false_120363025246125888@g.us_3EB0D51A3EE2A2B0C4F5_15550110001@c.us';
const URL = 'https://files.example/a%20b.png?x=1';
const SENT = {id: 'true_1@c.us_3EB0', timestamp: 1_795_000_000};
const TWELVE = 'a b c d e f g h i j k l'.split(' ');
const ALL_NULL = {url: null, data: null, mimetype: null, caption: null, filename: null, replyTo: null, mentions: null};

const linked = (url: string): object => ({source: {kind: 'url', url}, mimetype: null, filename: null});
const send = (content: object, more: object = {}, humanlike = true): object => ({
	kind: 'message.send',
	message: {chatId: CHAT, content, ...more},
	humanlike,
});

/** Each kind of body that is taken, and the command it becomes. */
const SENDS: readonly (readonly [string, object, object])[] = [
	['send', {chatId: '15550110000', text: 'a\r\nb\t👋'}, send({kind: 'text', text: 'a\r\nb\t👋'})],
	['send', {chatId: CHAT, text: 'x', skipPresence: true}, send({kind: 'text', text: 'x'}, {}, false)],
	['send', {chatId: CHAT, text: 'x', skipPresence: false, unknown: {a: 1}}, send({kind: 'text', text: 'x'})],
	['send', {chatId: CHAT, text: 'x', replyTo: ID}, send({kind: 'text', text: 'x'}, {replyTo: ID})],
	['send', {chatId: CHAT, text: 'x', replyTo: '', mentions: []}, send({kind: 'text', text: 'x'})],
	[
		'send',
		{chatId: CHAT, text: '@1', mentions: ['+1 555 011-0001', '15550110002@s.whatsapp.net', 'all']},
		send({kind: 'text', text: '@1'}, {mentions: ['15550110001@c.us', '15550110002@c.us', 'all']}),
	],
	['send-image', {chatId: CHAT, url: URL}, send({kind: 'image', file: linked(URL), caption: null})],
	['send-image', {...ALL_NULL, chatId: CHAT, url: URL}, send({kind: 'image', file: linked(URL), caption: null})],
	[
		'send-image',
		{chatId: CHAT, url: URL, caption: '', filename: '', mimetype: '', data: null, mentions: ['all'], replyTo: ID},
		send({kind: 'image', file: linked(URL), caption: null}, {mentions: ['all'], replyTo: ID}),
	],
	['send-image', {chatId: CHAT, url: URL, data: ''}, send({kind: 'image', file: linked(URL), caption: null})],
	['send-image', {data: ' \n', chatId: CHAT, url: URL}, send({kind: 'image', file: linked(URL), caption: null})],
	[
		'send-media',
		{chatId: CHAT, type: 'image', mediaUrl: URL, mediaData: ''},
		send({kind: 'image', file: linked(URL), caption: null}),
	],
	[
		'send-document',
		{chatId: CHAT, url: URL, caption: 'a\nb', filename: '../x/invoice.pdf', mimetype: 'application/pdf; q=1'},
		send({
			kind: 'document',
			file: {source: {kind: 'url', url: URL}, mimetype: 'application/pdf; q=1', filename: 'invoice.pdf'},
			caption: 'a\nb',
		}),
	],
	[
		'send-video',
		{chatId: CHAT, url: URL, filename: 'a.mp4'},
		send({
			kind: 'video',
			file: {source: {kind: 'url', url: URL}, mimetype: null, filename: 'a.mp4'},
			caption: null,
		}),
	],
	['send-audio', {chatId: CHAT, url: URL, caption: 'x'}, send({kind: 'audio', file: linked(URL), voice: true})],
	['send-audio', {chatId: CHAT, url: URL, voice: null}, send({kind: 'audio', file: linked(URL), voice: true})],
	['send-audio', {chatId: CHAT, url: URL, voice: false}, send({kind: 'audio', file: linked(URL), voice: false})],
	['send-sticker', {chatId: CHAT, url: URL}, send({kind: 'sticker', file: linked(URL)})],
	[
		'send-media',
		{chatId: CHAT, type: 'image', mediaUrl: URL, caption: 'c'},
		send({kind: 'image', file: linked(URL), caption: 'c'}),
	],
	[
		'send-media',
		{chatId: CHAT, type: 'file', mediaUrl: URL, url: 'ignored', filename: 'a.pdf'},
		send({
			kind: 'document',
			file: {source: {kind: 'url', url: URL}, mimetype: null, filename: 'a.pdf'},
			caption: null,
		}),
	],
	['send-media', {chatId: CHAT, type: 'voice', mediaUrl: URL}, send({kind: 'audio', file: linked(URL), voice: true})],
	[
		'send-location',
		{chatId: CHAT, latitude: -90, longitude: 180, name: null, address: null},
		send({kind: 'location', latitude: -90, longitude: 180, name: null, address: null}),
	],
	[
		'send-location',
		{chatId: CHAT, latitude: 52.52, longitude: 13.405, name: 'Berlin', address: 'Street 1\nCity'},
		send({kind: 'location', latitude: 52.52, longitude: 13.405, name: 'Berlin', address: 'Street 1\nCity'}),
	],
	[
		'send-contact',
		{chatId: CHAT, contactName: 'Jane; Doe, Jr.\\', contactPhone: '+1 (555) 000-1111'},
		send({kind: 'contact', name: 'Jane; Doe, Jr.\\', phone: '15550001111'}),
	],
	[
		'send-poll',
		{chatId: CHAT, question: 'Lunch?', options: ['Yes', 'No']},
		send({kind: 'poll', question: 'Lunch?', options: ['Yes', 'No'], multipleAnswers: false}),
	],
	[
		'send-poll',
		{chatId: CHAT, name: 'Lunch?', options: TWELVE, multipleAnswers: true},
		send({kind: 'poll', question: 'Lunch?', options: TWELVE, multipleAnswers: true}),
	],
	[
		'forward',
		{chatId: CHAT, messageId: GROUP_ID},
		{
			kind: 'message.forward',
			chatId: CHAT,
			messageId: GROUP_ID,
			humanlike: true,
		},
	],
	[
		'forward',
		{chatId: '15550110000', messageId: ID, skipPresence: true},
		{
			kind: 'message.forward',
			chatId: CHAT,
			messageId: ID,
			humanlike: false,
		},
	],
	['edit', {messageId: ID, text: 'new'}, {kind: 'message.edit', chatId: CHAT, messageId: ID, text: 'new'}],
	[
		'edit',
		{chatId: '123123123123123@lid', messageId: ID, text: 'new'},
		{kind: 'message.edit', chatId: '123123123123123@lid', messageId: ID, text: 'new'},
	],
];

for (const [name, body, command] of SENDS) {
	test.serial(`${name} with ${Object.keys(body).join(', ')}: ${JSON.stringify(body).slice(0, 120)}`, async (t) => {
		const response = await fixture.post(name, body);
		t.is(response.status, 201);
		const answer = (await response.json()) as {commandId: string};
		t.deepEqual(answer, {...SENT, commandId: fixture.commands.at(-1)?.id ?? ''});
		t.deepEqual(fixture.last(), command as never);
	});
}

/** What leaves no message behind. */
const SIGNS: readonly (readonly [string, object, object])[] = [
	[
		'react',
		{chatId: CHAT, messageId: ID, reaction: '👍'},
		{
			kind: 'message.react',
			chatId: CHAT,
			messageId: ID,
			reaction: '👍',
		},
	],
	[
		'react',
		{messageId: GROUP_ID, reaction: '', chatId: null},
		{
			kind: 'message.react',
			chatId: '120363025246125888@g.us',
			messageId: GROUP_ID,
			reaction: '',
		},
	],
	['revoke', {messageId: ID}, {kind: 'message.revoke', chatId: CHAT, messageId: ID}],
	['revoke', {chatId: '15550110000', messageId: ID}, {kind: 'message.revoke', chatId: CHAT, messageId: ID}],
	['mark-read', {chatId: '15550110000@s.whatsapp.net'}, {kind: 'chat.read', chatId: CHAT}],
	['typing', {chatId: CHAT}, {kind: 'chat.typing', chatId: CHAT, active: true}],
	['typing/stop', {chatId: CHAT}, {kind: 'chat.typing', chatId: CHAT, active: false}],
];

for (const [name, body, command] of SIGNS) {
	test.serial(`${name}: ${JSON.stringify(body)}`, async (t) => {
		const response = await fixture.post(name, body);
		t.is(response.status, 201);
		t.deepEqual(await response.json(), {success: true});
		t.deepEqual(fixture.last(), command as never);
	});
}

test.serial('a message is edited by its path too, with its id percent-encoded', async (t) => {
	const path = `/connections/${fixture.connectionId}/messages/${encodeURIComponent(ID)}`;
	const response = await fixture.client.fetch('PUT', path, {chatId: '15550110000', text: 'new'});
	t.is(response.status, 200);
	t.like(await response.json(), {...SENT, success: true});
	t.deepEqual(fixture.last(), {kind: 'message.edit', chatId: CHAT, messageId: ID, text: 'new'} as never);
	for (const [id, body, message] of [
		['true_nobody@c.us_3EB0', {chatId: CHAT, text: 'x'}, /^the chat in messageId "nobody@c.us" is not/],
		[ID, {chatId: CHAT}, /^chatId and text are required$/],
		[ID, {text: 'x'}, /^chatId and text are required$/],
	] as const) {
		const refused = await fixture.client.fetch('PUT', path.replace(encodeURIComponent(ID), id), body);
		t.is(refused.status, 400);
		t.regex(String(((await refused.json()) as ErrorBody).message), message);
	}
});

/** Everything that is about a message, by how that is named. */
const ABOUT: readonly (readonly [string, (messageId: string) => object, (messageId: string) => object])[] = [
	[
		'edit',
		(messageId) => ({messageId, chatId: '15550110000', text: 'new'}),
		(messageId) => ({kind: 'message.edit', chatId: CHAT, messageId, text: 'new'}),
	],
	[
		'revoke',
		(messageId) => ({messageId, chatId: '15550110000'}),
		(messageId) => ({kind: 'message.revoke', chatId: CHAT, messageId}),
	],
	[
		'react',
		(messageId) => ({messageId, chatId: '15550110000', reaction: '👍'}),
		(messageId) => ({kind: 'message.react', chatId: CHAT, messageId, reaction: '👍'}),
	],
	['send', (replyTo) => ({replyTo, chatId: CHAT, text: 'x'}), (replyTo) => send({kind: 'text', text: 'x'}, {replyTo})],
	[
		'send-image',
		(replyTo) => ({replyTo, chatId: CHAT, url: URL}),
		(replyTo) => send({kind: 'image', file: linked(URL), caption: null}, {replyTo}),
	],
	[
		'forward',
		(messageId) => ({messageId, chatId: CHAT}),
		(messageId) => ({kind: 'message.forward', chatId: CHAT, messageId, humanlike: true}),
	],
];

/** As the path of a message names it. */
function putEdit(messageId: string): Promise<Response> {
	const path = `/connections/${fixture.connectionId}/messages/${encodeURIComponent(messageId)}`;
	return fixture.client.fetch('PUT', path, {chatId: CHAT, text: 'new'});
}

test.serial('a message is named by its key beside its chat too, on every route that is about one', async (t) => {
	const message = sampleMessage('3EB0BA4E', 1_795_000_000);
	fixture.history.receive(message);
	for (const [name, body, command] of ABOUT.filter(([name]) => name !== 'forward')) {
		t.is((await fixture.post(name, body('3EB0BA4E'))).status, 201, name);
		t.deepEqual(fixture.last(), command(message.id) as never, name);
	}
	t.is((await putEdit('3EB0BA4E')).status, 200);
	t.deepEqual(fixture.last(), {kind: 'message.edit', chatId: CHAT, messageId: message.id, text: 'new'} as never);
});

test.serial('a message is named by the command that sent it, on every route that is about one', async (t) => {
	const {commandStore} = fixture.gateway.stores;
	const {connectionId} = fixture;
	const sent = sampleCommand({
		connectionId,
		chatId: CHAT,
		status: 'sent',
		messageId: ID,
		messageKey: '3EB0D51A3EE2A2B0C4F5',
	});
	await commandStore.create(sent);
	const before = fixture.history.reads;
	for (const named of [sent.id, sent.messageKey]) {
		for (const [name, body, command] of ABOUT) {
			t.is((await fixture.post(name, body(named))).status, 201, `${name} ${named}`);
			t.deepEqual(fixture.last(), command(ID) as never, name);
		}
		t.is((await putEdit(named)).status, 200);
		t.like(fixture.last(), {kind: 'message.edit', chatId: CHAT, messageId: ID});
	}
	t.is((await fixture.post('react', {messageId: sent.id, reaction: '👍'})).status, 201, 'its chat is known');
	t.is(fixture.history.reads, before, 'the engine need not be asked');
});

test.serial('a message that nobody knows is 404 before anything is done, whatever it is to be used for', async (t) => {
	const {connectionId} = fixture;
	// As WEBJS leaves one that it sent without a word, and what it forwarded.
	const nameless = sampleCommand({connectionId, chatId: CHAT, status: 'sent', sentTimestamp: 5});
	await fixture.gateway.stores.commandStore.create(nameless);
	const before = fixture.commands.length;
	const uploads = {chatId: CHAT, data: 'QUJD', replyTo: '3EB0'};
	for (const [named, message] of [
		['3EB0FFFF', 'Message not found'],
		['a b', 'Message not found'],
		[nameless.id, 'WhatsApp did not tell the id of this message (yet): take it from its event, message.any'],
	] as const) {
		const answers = [
			...ABOUT.filter(([name]) => name !== 'forward' || named !== '3EB0FFFF').map(([name, body]) =>
				fixture.post(name, body(named)),
			),
			putEdit(named),
		];
		for (const response of await Promise.all(answers)) {
			t.is(response.status, 404, named);
			t.like(await response.json(), {code: 'MESSAGE_NOT_FOUND', message});
		}
	}
	const stored = fixture.media.filenames.length;
	t.is((await fixture.post('send-image', uploads)).status, 404);
	await eventually(() => fixture.media.filenames.length === stored);
	t.is(fixture.commands.length, before);
});

test.serial('what is repeated under its key is the same by what was asked, not by what that means', async (t) => {
	fixture.history.receive(sampleMessage('3EB0CAFE', 1_795_000_000));
	const send = (replyTo: string): Promise<Response> =>
		fixture.post('send', {chatId: CHAT, text: 'x', replyTo}, {'idempotency-key': 'quoting', prefer: 'respond-async'});
	const first = await send('3EB0CAFE');
	t.is(first.status, 202);
	t.deepEqual(await (await send('3EB0CAFE')).json(), await first.json());
	t.is((await send(`false_${CHAT}_3EB0CAFE`)).status, 409);
});

const FILE = {chatId: CHAT, url: URL};
const FILE_REQUIRED = 'chatId and one of url or data are required';
const MEDIA = {chatId: CHAT, type: 'image', mediaUrl: URL};
const MEDIA_REQUIRED = 'chatId, type and one of mediaUrl or mediaData are required';
const PLACE = {chatId: CHAT, latitude: 1, longitude: 2};
const PLACE_REQUIRED = 'chatId, latitude and longitude are required';
const CARD = {chatId: CHAT, contactName: 'Jane', contactPhone: '+15550001111'};
const CARD_REQUIRED = 'chatId, contactName and contactPhone are required';
const POLL = {chatId: CHAT, question: 'Lunch?', options: ['Yes', 'No']};
const POLL_REQUIRED = 'chatId, question and options are required';
const NO_CHAT = 'chatId is required with a bare message key: name its chat, or use the full id';
const NO_RECIPIENT = /is not a WhatsApp recipient/;
const ONE_LINE = /must be one line of valid Unicode without control characters$/;
const NO_MEDIA_TYPE = 'mimetype must be a media type, such as image/png';

/** Everything that is refused, with what is said. */
const FAULTS: readonly (readonly [string, unknown, string | RegExp])[] = [
	...['send', 'send-image', 'send-media', 'react', 'typing'].flatMap(
		(name) =>
			[
				[name, [], 'The body must be a JSON object'],
				[name, 5, 'The body must be a JSON object'],
			] as const,
	),
	['send', undefined, 'chatId and text are required'],
	['send', {chatId: CHAT}, 'chatId and text are required'],
	['send', {text: 'x'}, 'chatId and text are required'],
	['send', {chatId: null, text: null}, 'chatId and text are required'],
	['send', {chatId: '', text: ''}, 'chatId and text are required'],
	['send', {chatId: CHAT, text: 5}, 'text must be a string'],
	['send', {chatId: 15550110000, text: 'x'}, 'chatId must be a string'],
	['send', {chatId: 'nobody', text: 'x'}, /^chatId "nobody" is not a WhatsApp recipient/],
	['send', {chatId: CHAT, text: '\ud83d'}, /^text must be valid Unicode/],
	['send', {chatId: CHAT, text: 'a\0b'}, /^text must be valid Unicode/],
	['send', {chatId: CHAT, text: 'x'.repeat(65_537)}, 'text must have at most 65536 characters'],
	['send', {chatId: CHAT, text: 'x', skipPresence: 'yes'}, 'skipPresence must be a boolean value'],
	['send', {chatId: CHAT, text: 'x', replyTo: 5}, 'replyTo must be a string'],
	['send', {chatId: CHAT, text: 'x', replyTo: 'a\nb'}, ONE_LINE],
	['send', {chatId: CHAT, text: 'x', mentions: 'all'}, 'mentions must be an array'],
	['send', {chatId: CHAT, text: 'x', mentions: [5]}, 'each value in mentions must be a string'],
	['send', {chatId: CHAT, text: 'x', mentions: ['nobody']}, /^mentions: "nobody" is not a WhatsApp recipient/],
	['send', {chatId: CHAT, text: 'x', mentions: Array(1025).fill(CHAT)}, 'mentions must have at most 1024 values'],
	['send', {chatId: 5, text: 5}, 'chatId must be a string; text must be a string'],
	...['send-image', 'send-document', 'send-video', 'send-audio', 'send-sticker'].flatMap(
		(name) =>
			[
				[name, undefined, FILE_REQUIRED],
				[name, {chatId: CHAT}, FILE_REQUIRED],
				[name, {url: URL}, FILE_REQUIRED],
				[name, {...ALL_NULL, chatId: CHAT}, FILE_REQUIRED],
				[name, {chatId: CHAT, url: ''}, FILE_REQUIRED],
				[name, {...FILE, data: 'QUJD'}, 'only one of url or data may be given'],
				[name, {...FILE, chatId: 'nobody'}, NO_RECIPIENT],
				[name, {chatId: CHAT, data: 5}, 'data must be a string of base64'],
				[name, {chatId: CHAT, data: {}}, 'data must be a string of base64'],
				[name, {chatId: CHAT, data: ['QUJD']}, 'data must be a string of base64'],
				[name, {chatId: CHAT, data: ''}, FILE_REQUIRED],
				[name, {chatId: CHAT, data: '', url: ''}, FILE_REQUIRED],
				[name, {chatId: CHAT, data: 'data:image/png;base64,QUJD'}, /without a data: prefix/],
				[name, {...FILE, mentions: ['x']}, NO_RECIPIENT],
			] as const,
	),
	['send-image', {chatId: CHAT, url: 5}, 'url must be a string'],
	['send-image', {chatId: CHAT, url: 'files'}, 'url must be a URL address'],
	['send-image', {chatId: CHAT, url: 'https://a\nb.example'}, ONE_LINE],
	['send-image', {chatId: CHAT, url: `https://a.example/${'x'.repeat(8200)}`}, 'url must have at most 8192 characters'],
	['send-image', {chatId: CHAT, url: 'ftp://a.example'}, 'url must start with http:// or https://'],
	['send-image', {chatId: CHAT, url: 'file:///etc/passwd'}, 'url must start with http:// or https://'],
	...['http://10.0.0.1/a', 'http://169.254.169.254/latest', 'http://0xa.1:1/', 'http://[fd00::1]/'].map(
		(url) => ['send-image', {chatId: CHAT, url}, /^url must not point to a private/] as const,
	),
	['send-media', {...MEDIA, mediaUrl: 'http://10.0.0.1/a'}, /^mediaUrl: url must not point to a private/],
	['send-image', {...FILE, mimetype: 5}, 'mimetype must be a string'],
	['send-image', {...FILE, mimetype: 'png'}, NO_MEDIA_TYPE],
	['send-image', {...FILE, mimetype: 'image/png\r\nX-A: b'}, NO_MEDIA_TYPE],
	['send-image', {...FILE, caption: 5}, 'caption must be a string'],
	['send-image', {...FILE, caption: 'a\0'}, /^caption must be valid Unicode/],
	['send-document', {...FILE, filename: 5}, 'filename must be a string'],
	['send-document', {...FILE, filename: 'a\r\nb'}, ONE_LINE],
	['send-document', {...FILE, filename: 'x'.repeat(256)}, 'filename must have at most 255 characters'],
	['send-audio', {...FILE, voice: 'yes'}, 'voice must be a boolean value'],
	['send-media', undefined, MEDIA_REQUIRED],
	['send-media', {chatId: CHAT, mediaUrl: URL}, MEDIA_REQUIRED],
	['send-media', {chatId: CHAT, type: 'image'}, MEDIA_REQUIRED],
	['send-media', {chatId: CHAT, type: 'image', url: URL}, MEDIA_REQUIRED],
	['send-media', {...MEDIA, mediaData: 'QUJD'}, 'only one of mediaUrl or mediaData may be given'],
	['send-media', {...MEDIA, type: 'video'}, 'type must be image, file or voice'],
	['send-media', {chatId: CHAT, type: 'image', mediaData: 'QUJ*'}, /^mediaData must be base64/],
	['send-media', {chatId: CHAT, type: 'image', mediaData: ''}, MEDIA_REQUIRED],
	['send-media', {chatId: CHAT, type: 'image', mediaData: 5}, 'mediaData must be a string of base64'],
	['send-location', undefined, PLACE_REQUIRED],
	['send-location', {...PLACE, latitude: null}, PLACE_REQUIRED],
	['send-location', {...PLACE, longitude: undefined}, PLACE_REQUIRED],
	['send-location', {latitude: 1, longitude: 2}, PLACE_REQUIRED],
	['send-location', {...PLACE, latitude: '1'}, 'latitude must be a number from -90 to 90'],
	['send-location', {...PLACE, latitude: 90.1}, 'latitude must be a number from -90 to 90'],
	['send-location', {...PLACE, longitude: -180.1}, 'longitude must be a number from -180 to 180'],
	['send-location', {...PLACE, name: 'a\nb'}, ONE_LINE],
	['send-location', {...PLACE, address: {}}, 'address must be a string'],
	['send-contact', undefined, CARD_REQUIRED],
	['send-contact', {...CARD, contactName: ''}, CARD_REQUIRED],
	['send-contact', {...CARD, contactName: ' '}, CARD_REQUIRED],
	['send-contact', {...CARD, contactPhone: null}, CARD_REQUIRED],
	['send-contact', {...CARD, contactName: 'Jane\r\nTEL:+1900'}, ONE_LINE],
	['send-contact', {...CARD, contactName: 'Jane\0'}, ONE_LINE],
	['send-contact', {...CARD, contactName: '\udc00'}, ONE_LINE],
	['send-contact', {...CARD, contactPhone: 15550001111}, 'contactPhone must be a string'],
	['send-contact', {...CARD, contactPhone: '123'}, /^contactPhone must be a number with country code/],
	['send-contact', {...CARD, contactPhone: '1555;x=1'}, /^contactPhone must be a number with country code/],
	['send-poll', undefined, POLL_REQUIRED],
	['send-poll', {chatId: CHAT, options: ['a', 'b']}, POLL_REQUIRED],
	['send-poll', {chatId: CHAT, question: 'x'}, POLL_REQUIRED],
	['send-poll', {...POLL, question: '', name: ''}, POLL_REQUIRED],
	['send-poll', {...POLL, question: ' '}, POLL_REQUIRED],
	['send-poll', {...POLL, options: 'ab'}, 'options must be an array'],
	['send-poll', {...POLL, options: ['a']}, 'options must have 2 to 12 values'],
	['send-poll', {...POLL, options: [...TWELVE, 'm']}, 'options must have 2 to 12 values'],
	['send-poll', {...POLL, options: ['a', 'a']}, 'options must differ from each other'],
	['send-poll', {...POLL, options: ['a', '']}, 'each value in options must have a text'],
	['send-poll', {...POLL, options: ['a', ' ']}, 'each value in options must have a text'],
	['send-poll', {...POLL, options: ['a', 5]}, 'each value in options must be a string'],
	['send-poll', {...POLL, multipleAnswers: 1}, 'multipleAnswers must be a boolean value'],
	['forward', undefined, 'chatId and messageId are required'],
	['forward', {messageId: ID}, 'chatId and messageId are required'],
	['forward', {chatId: CHAT, messageId: '3EB0D51A'}, NO_CHAT],
	['forward', {chatId: CHAT, messageId: ID, skipPresence: 1}, 'skipPresence must be a boolean value'],
	['edit', undefined, 'messageId and text are required'],
	['edit', {messageId: ID}, 'messageId and text are required'],
	['edit', {messageId: ID, text: ''}, 'messageId and text are required'],
	['edit', {messageId: '3EB0D51A', text: 'x'}, NO_CHAT],
	['edit', {messageId: 'true_nobody@c.us_3EB0', text: 'x'}, /^the chat in messageId "nobody@c.us" is not/],
	['edit', {messageId: ID, text: 'x', chatId: ''}, 'chatId must not be empty'],
	['edit', {messageId: ID, text: 'x', chatId: 'nobody'}, NO_RECIPIENT],
	['revoke', undefined, 'messageId is required'],
	['revoke', {messageId: 5}, 'messageId must be a string'],
	['revoke', {messageId: 'x'.repeat(301)}, 'messageId must have at most 300 characters'],
	['react', undefined, 'messageId and reaction are required'],
	['react', {messageId: ID}, 'messageId and reaction are required'],
	['react', {messageId: ID, reaction: null}, 'messageId and reaction are required'],
	['react', {messageId: ID, reaction: 5}, 'reaction must be a string'],
	['react', {messageId: ID, reaction: 'a\nb'}, ONE_LINE],
	['react', {messageId: 'x', reaction: '👍'}, NO_CHAT],
	...['mark-read', 'typing', 'typing/stop'].flatMap(
		(name) =>
			[
				[name, undefined, 'chatId is required'],
				[name, {chatId: null}, 'chatId is required'],
				[name, {chatId: ''}, 'chatId is required'],
				[name, {chatId: 5}, 'chatId must be a string'],
				[name, {chatId: 'nobody'}, NO_RECIPIENT],
			] as const,
	),
];

test.serial('what is missing or wrong is said in one sentence, and nothing is done', async (t) => {
	const before = fixture.commands.length;
	for (const [name, body, expected] of FAULTS) {
		const response = await fixture.post(name, body);
		const {message, code} = (await response.json()) as ErrorBody;
		const what = `${name} ${(JSON.stringify(body) as string | undefined)?.slice(0, 100) ?? ''}`;
		t.is(response.status, 400, what);
		t.is(code, 'VALIDATION_FAILED', what);
		if (typeof expected === 'string') t.is(message, expected, what);
		else t.regex(String(message), expected, what);
	}
	t.is(fixture.commands.length, before);
});

test.serial('every route that writes keeps __proto__ and repeated fields harmless', async (t) => {
	const body = `{"__proto__":{"text":"evil"},"chatId":"1","chatId":"${CHAT}","text":"a","text":"b","constructor":{}}`;
	t.is((await fixture.postRaw('send', body)).status, 201);
	t.deepEqual(fixture.last(), send({kind: 'text', text: 'b'}) as never);
	const file = `{"__proto__":{"data":"QUJD"},"chatId":"1","chatId":"${CHAT}","url":"x","url":"${URL}","data":null}`;
	t.is((await fixture.postRaw('send-image', file)).status, 201);
	t.deepEqual(fixture.last(), send({kind: 'image', file: linked(URL), caption: null}) as never);
	t.is(
		(await fixture.postRaw('send-image', '{"__proto__":{"url":"https://a.example","chatId":"1555011"}}')).status,
		400,
	);
});

test.serial('what the engine lacks is 501 with the reason, for the kind, for quoting and for mentioning', async (t) => {
	const note = 'the simulator has none';
	for (const [operation, name, body] of [
		['send.text', 'send', {chatId: CHAT, text: 'x'}],
		['send.image', 'send-image', FILE],
		['send.document', 'send-document', FILE],
		['send.video', 'send-video', FILE],
		['send.audio', 'send-audio', FILE],
		['send.sticker', 'send-sticker', FILE],
		['send.image', 'send-media', MEDIA],
		['send.location', 'send-location', PLACE],
		['send.contact', 'send-contact', CARD],
		['send.poll', 'send-poll', POLL],
		['reply', 'send', {chatId: CHAT, text: 'x', replyTo: ID}],
		['mentions', 'send-image', {...FILE, mentions: ['all']}],
		['forward', 'forward', {chatId: CHAT, messageId: ID}],
		['edit', 'edit', {messageId: ID, text: 'x'}],
		['revoke', 'revoke', {messageId: ID}],
		['react', 'react', {messageId: ID, reaction: ''}],
		['mark-read', 'mark-read', {chatId: CHAT}],
		['typing', 'typing', {chatId: CHAT}],
		['typing', 'typing/stop', {chatId: CHAT}],
	] as const) {
		fixture.lacking.set(operation, note);
		const before = fixture.commands.length;
		const response = await fixture.post(name, body);
		fixture.lacking.clear();
		t.is(response.status, 501, name);
		const {code, message} = (await response.json()) as ErrorBody;
		t.is(code, 'NOT_SUPPORTED');
		t.regex(String(message), new RegExp(`\\(${operation.replace('.', '\\.')}\\): ${note}`));
		t.is(fixture.commands.length, before);
	}
});

test.serial('what is not done in time is 202 with its command, whatever it is', async (t) => {
	const {reply} = fixture;
	fixture.reply = undefined;
	for (const [name, body] of [...SENDS, ...SIGNS]) {
		const response = await fixture.post(name, body);
		t.is(response.status, 202, name);
		t.deepEqual(await response.json(), {commandId: fixture.commands.at(-1)?.id, status: 'queued'});
	}
	fixture.reply = reply;
});

test.serial('an engine that tells no id leaves the command’s own', async (t) => {
	const {reply} = fixture;
	fixture.reply = {ok: true, messageId: null, timestamp: 5};
	const answer = await (await fixture.post('send', {chatId: CHAT, text: 'x'})).json();
	const commandId = fixture.commands.at(-1)?.id;
	t.deepEqual(answer, {id: commandId, timestamp: 5, commandId});
	fixture.reply = reply;
});

test.serial('what cannot be edited any more is 422 with the reason', async (t) => {
	const {reply} = fixture;
	const message = 'WhatsApp lets a message be edited for 15 minutes';
	fixture.reply = {ok: false, failure: {code: 'MESSAGE_NOT_EDITABLE', message}};
	for (const response of [
		await fixture.post('edit', {messageId: ID, text: 'x'}),
		await fixture.post('revoke', {messageId: ID}),
		await fixture.client.fetch('PUT', `/connections/${fixture.connectionId}/messages/${ID}`, {chatId: CHAT, text: 'x'}),
	]) {
		t.is(response.status, 422);
		t.like(await response.json(), {code: 'MESSAGE_NOT_EDITABLE', message});
	}
	fixture.reply = reply;
});

test.serial('Idempotency-Key and Prefer work for every kind of message, and for forwarding', async (t) => {
	for (const [index, [name, body]] of SENDS.filter(([name]) => name !== 'edit').entries()) {
		const headers = {'idempotency-key': `key-${index}`, prefer: 'respond-async'};
		const first = await fixture.post(name, body, headers);
		t.is(first.status, 202, name);
		const answer = await first.json();
		t.deepEqual(await (await fixture.post(name, body, headers)).json(), answer, name);
		const other = await fixture.post(name, {...body, chatId: '15550110009'}, headers);
		t.is(other.status, 409, name);
		const bad = await fixture.post(name, body, {'idempotency-key': 'a b'});
		t.is(bad.status, 400);
	}
});

test.serial('a form is taken where JSON is', async (t) => {
	const type = {'content-type': 'application/x-www-form-urlencoded'};
	t.is(
		(await fixture.postRaw('send', new URLSearchParams({chatId: CHAT, text: 'a b+c'}).toString(), type)).status,
		201,
	);
	t.deepEqual(fixture.last(), send({kind: 'text', text: 'a b+c'}) as never);
	t.is(
		(await fixture.postRaw('send-image', new URLSearchParams({chatId: CHAT, url: URL}).toString(), type)).status,
		201,
	);
	t.deepEqual(fixture.last(), send({kind: 'image', file: linked(URL), caption: null}) as never);
});

const FORM = {'content-type': 'application/x-www-form-urlencoded'};

test.serial('a form writes flags and numbers as texts', async (t) => {
	const place = `chatId=${CHAT}&latitude=52.5&longitude=-13`;
	const location = {kind: 'location', latitude: 52.5, longitude: -13, name: null, address: null} as const;
	for (const [text, humanlike] of [
		['true', false],
		['TRUE', false],
		['1', false],
		['on', false],
		['false', true],
		['0', true],
		['off', true],
		['', true],
		['no&skipPresence=true', false],
	] as const) {
		t.is((await fixture.postRaw('send-location', `${place}&skipPresence=${text}`, FORM)).status, 201, text);
		t.deepEqual(fixture.last(), {...send(location), humanlike} as never, text);
		const image = await fixture.postRaw('send-image', `skipPresence=${text}&url=${URL}&chatId=${CHAT}`, FORM);
		t.is(image.status, 201, text);
		t.like(fixture.last(), {humanlike}, text);
	}
	for (const latitude of ['-0.5', '%2B52', '+52', '.5', '5e1']) {
		const response = await fixture.postRaw('send-location', `longitude=1&chatId=${CHAT}&latitude=${latitude}`, FORM);
		t.is(response.status, 201, latitude);
	}
});

test.serial('what is no flag or number in a form is refused, and in JSON a text never is one', async (t) => {
	const place = `chatId=${CHAT}&longitude=1`;
	const latitude = 'latitude must be a number from -90 to 90';
	const required = 'chatId, latitude and longitude are required';
	const skipPresence = 'skipPresence must be a boolean value';
	for (const [body, message] of [
		[`${place}&latitude=north`, latitude],
		[`${place}&latitude=0x10`, latitude],
		[`${place}&latitude=Infinity`, latitude],
		[`${place}&latitude=1e999`, latitude],
		[`${place}&latitude=91`, latitude],
		[`${place}&latitude[a]=1`, latitude],
		[`${place}&latitude=`, required],
		[`${place}&latitude=1&skipPresence=yes`, skipPresence],
		[`${place}&latitude=1&skipPresence=2`, skipPresence],
	] as const) {
		const response = await fixture.postRaw('send-location', body, FORM);
		t.is(response.status, 400, body);
		t.like(await response.json(), {message}, body);
	}
	for (const [body, message] of [
		[{latitude: '1', longitude: 1}, latitude],
		[{latitude: 1, longitude: 1, skipPresence: 'true'}, skipPresence],
		[{latitude: 1, longitude: 1, skipPresence: 1}, skipPresence],
	] as const) {
		const response = await fixture.post('send-location', {chatId: CHAT, ...body});
		t.is(response.status, 400);
		t.like(await response.json(), {message});
	}
});
