import {setTimeout as sleep} from 'node:timers/promises';
import type {FakeContent, FakeFileType} from './fake-waha-content.ts';
import {
	created,
	FakeException,
	notImplemented,
	unprocessable,
	withStatus,
	type FakeAnswer,
	type FakeRequest,
	type FakeRoute,
	type FakeWorld,
} from './fake-waha-http.ts';
import {FakeMessage} from './fake-waha-messages.ts';
import type {FakeWahaSession} from './fake-waha-session.ts';

type Body = FakeRequest['body'];

/** Sending. WAHA checks none of its input: what is missing ends in an exception somewhere. */
export const SEND_ROUTES: readonly FakeRoute[] = [
	send('sendText', (body) => ({kind: 'text', text: text(body, 'text')}), ['mentions']),
	send('sendImage', (body) => fileOf(body, 'image'), ['mentions']),
	send('sendFile', (body) => fileOf(body, 'document'), ['mentions']),
	send('sendVideo', videoOf, ['mentions']),
	send('sendVoice', voiceOf),
	send('sendLocation', (body) => {
		const {latitude, longitude, title} = body;
		if (typeof latitude !== 'number' || typeof longitude !== 'number') throw new FakeException('no coordinates');
		return {kind: 'location', latitude, longitude, title: typeof title === 'string' ? title : ''};
	}),
	send('sendContactVcard', (body) => {
		const [contact] = body['contacts'] as [{vcard?: unknown}];
		if (typeof contact.vcard !== 'string') throw new FakeException('no vcard');
		return {kind: 'contact', vcard: contact.vcard};
	}),
	send('sendPoll', (body) => {
		if (!text(body, 'chatId').includes('@')) throw new FakeException('jid must have a server');
		const {name, options, multipleAnswers} = body['poll'] as Extract<FakeContent, {kind: 'poll'}>;
		if (typeof multipleAnswers !== 'boolean') throw new FakeException('multipleAnswers');
		return {kind: 'poll', name: name.slice(), options: options.slice(), multipleAnswers};
	}),
	{method: 'POST', path: /^\/api\/forwardMessage$/, handle: forward},
];

function send(call: string, read: (body: Body) => FakeContent, optional: readonly string[] = []): FakeRoute {
	return {
		method: 'POST',
		path: new RegExp(`^/api/${call}$`),
		handle: (world, {body}) =>
			withStatus(world, String(body['session']), 'WORKING', (session) => {
				if ('mentions' in body && !optional.includes('mentions')) throw new FakeException(`${call} has no mentions`);
				const message = put(world, session, body, read(body));
				return created(message.answer);
			}),
	};
}

async function forward(world: FakeWorld, {body}: FakeRequest): Promise<FakeAnswer> {
	return withStatus(world, String(body['session']), 'WORKING', (session) => {
		if (world.engine === 'GOWS') return notImplemented(world.engine);
		const original = session.chats.find(text(body, 'messageId'), false);
		if (original === undefined) {
			return world.engine === 'WEBJS' ? created({sent: false}) : unprocessable('Message not found');
		}
		const message = put(world, session, body, original.content);
		return created(world.engine === 'WEBJS' ? {sent: true} : message.payload);
	});
}

/** Sends it: the event comes before the answer, and the acknowledgements follow. */
function put(world: FakeWorld, session: FakeWahaSession, body: Body, content: FakeContent): FakeMessage {
	const {engine, files, ackMs} = world;
	const message = new FakeMessage({
		engine,
		me: session.me?.['id'] ?? '',
		chatId: text(body, 'chatId'),
		sender: null,
		content,
		key: body['id'] as string | undefined,
		replyTo: body['reply_to'] as string | undefined,
	});
	session.keep(message, files);
	session.report('message.any', message.payload);
	void acknowledge(session, message, ackMs);
	return message;
}

/** One after the other: timers that are late would fire in any order. */
async function acknowledge(session: FakeWahaSession, message: FakeMessage, ackMs: number): Promise<void> {
	for (const ack of [1, 2, 3]) {
		await sleep(ackMs, undefined, {ref: false});
		message.ack = ack;
		session.report('message.ack', message.acknowledgement(ack));
	}
}

function fileOf(body: Body, type: FakeFileType): Extract<FakeContent, {kind: 'file'}> {
	const {mimetype, filename, data} = body['file'] as Record<string, unknown>;
	if (typeof mimetype !== 'string' || typeof data !== 'string') throw new FakeException('file has no mimetype or data');
	const bytes = Buffer.from(data, 'base64');
	if (bytes.toString('base64') !== data) throw new FakeException('data is no base64');
	const caption = type === 'ptt' ? '' : text(body, 'caption');
	return {kind: 'file', type, mimetype, filename: (filename ?? null) as string | null, caption, bytes};
}

function videoOf(body: Body): FakeContent {
	const video = fileOf(body, 'video');
	if (video.mimetype !== 'video/mp4' && body['convert'] !== true) throw new FakeException('not an mp4');
	return {...video, mimetype: 'video/mp4'};
}

function voiceOf(body: Body): FakeContent {
	const voice = fileOf(body, 'ptt');
	if (voice.mimetype !== 'audio/ogg; codecs=opus' && body['convert'] !== true) throw new FakeException('not an ogg');
	return {...voice, mimetype: 'audio/ogg; codecs=opus'};
}

function text(body: Body, field: string): string {
	const value = body[field];
	if (typeof value !== 'string') throw new FakeException(`Cannot read properties of undefined (reading '${field}')`);
	return value;
}
