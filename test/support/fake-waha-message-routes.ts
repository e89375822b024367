import {
	created,
	FakeException,
	ok,
	withStatus,
	type FakeAnswer,
	type FakeRequest,
	type FakeRoute,
	type FakeWorld,
} from './fake-waha-http.ts';
import {FakeMessage, newKey} from './fake-waha-messages.ts';
import type {FakeWahaSession} from './fake-waha-session.ts';

const MESSAGE = /^\/api\/([^/]+)\/chats\/([^/]+)\/messages\/([^/]+)$/;
const FULL_ID = /^(true|false)_[^_]+@[a-z.]+_[^_]+(_.+)?$/;

/** What people do with messages that are there, and what they show of themselves. */
export const MESSAGE_ROUTES: readonly FakeRoute[] = [
	{method: 'PUT', path: MESSAGE, handle: edit},
	{method: 'DELETE', path: MESSAGE, handle: revoke},
	{method: 'PUT', path: /^\/api\/reaction$/, handle: react},
	{method: 'POST', path: /^\/api\/sendSeen$/, handle: sendSeen},
	{method: 'POST', path: /^\/api\/(?:start|stop)Typing$/, handle: type},
];

/** NOWEB and GOWS send the edit of any message; WEBJS answers nothing for one that it cannot edit. */
async function edit(world: FakeWorld, {body}: FakeRequest, name = '', chatId = '', id = ''): Promise<FakeAnswer> {
	if (typeof body['text'] !== 'string') throw new FakeException('text');
	const text = body['text'];
	return change(world, name, chatId, id, (session, message) => {
		if (!message?.fromMe) return;
		message.content = message.content.kind === 'file' ? {...message.content, caption: text} : {kind: 'text', text};
		session.report('message.edited', {...actionOf(world, session, message).payload, editedMessageId: message.key});
	});
}

async function revoke(world: FakeWorld, _request: FakeRequest, name = '', chatId = '', id = ''): Promise<FakeAnswer> {
	return change(world, name, chatId, id, (session, message) => {
		if (message === undefined) return;
		session.chats.remove(message);
		const after = {...actionOf(world, session, message).payload, body: null};
		session.report('message.revoked', {after, before: null, revokedMessageId: message.key});
	});
}

async function react(world: FakeWorld, {body}: FakeRequest): Promise<FakeAnswer> {
	const {messageId, reaction} = body;
	if (typeof messageId !== 'string' || typeof reaction !== 'string') throw new FakeException('messageId or reaction');
	const chatId = messageId.split('_')[1] ?? '';
	const answer = await change(world, String(body['session']), chatId, messageId, (session, message) => {
		if (message === undefined) return;
		const {id, timestamp, from, fromMe, source} = actionOf(world, session, message).payload;
		session.report('message.reaction', {id, timestamp, from, fromMe, source, reaction: {text: reaction, messageId}});
	});
	return world.engine === 'WEBJS' ? {status: answer.status} : answer;
}

/** Answers with the message that carries the change; its id is not that of the one that was changed. */
async function change(
	world: FakeWorld,
	name: string,
	chatId: string,
	id: string,
	apply: (session: FakeWahaSession, message: FakeMessage | undefined) => void,
): Promise<FakeAnswer> {
	return withStatus(world, name, 'WORKING', (session) => {
		if (!FULL_ID.test(id)) throw new FakeException('Message id be in format false_11111111111@c.us_AAAAAAAAAAAAAAAA');
		const message = session.chats.find(id, false);
		apply(session, message);
		if (world.engine === 'WEBJS') {
			return message === undefined ? {status: 200} : ok(message.answer);
		}
		return ok(actionOf(world, session, message ?? {chatId}).answer);
	});
}

function actionOf(
	{engine}: FakeWorld,
	session: FakeWahaSession,
	{chatId, content = {kind: 'text', text: ''}}: Pick<FakeMessage, 'chatId'> & Partial<Pick<FakeMessage, 'content'>>,
): FakeMessage {
	return new FakeMessage({engine, me: session.me?.['id'] ?? '', chatId, sender: null, content, key: newKey()});
}

async function sendSeen(world: FakeWorld, {body}: FakeRequest): Promise<FakeAnswer> {
	return withStatus(world, String(body['session']), 'WORKING', ({chats}) => {
		const chatId = String(body['chatId']);
		const ids = chats
			.messagesOf(chatId)
			.slice(0, chats.unread.get(chatId) ?? 0)
			.map(({id}) => id);
		chats.unread.set(chatId, 0);
		return created({ids});
	});
}

async function type(world: FakeWorld, {body, path}: FakeRequest): Promise<FakeAnswer> {
	return withStatus(world, String(body['session']), 'WORKING', (session) => {
		const chatId = String(body['chatId']);
		if (path.includes('start')) session.typingIn.add(chatId);
		else session.typingIn.delete(chatId);
		return created({result: true});
	});
}
