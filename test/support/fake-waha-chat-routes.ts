import {
	notFound,
	ok,
	refusal,
	withStatus,
	type FakeAnswer,
	type FakeRequest,
	type FakeRoute,
	type FakeWorld,
} from './fake-waha-http.ts';
import {toJid, type FakeMessage} from './fake-waha-messages.ts';
import type {FakeWahaSession} from './fake-waha-session.ts';

/** Reading. Unknown parameters are refused, as WAHA does in its strict mode: a misspelt filter would show everything. */
export const CHAT_ROUTES: readonly FakeRoute[] = [
	{method: 'GET', path: /^\/api\/([^/]+)\/chats\/overview$/, handle: overview},
	{method: 'GET', path: /^\/api\/([^/]+)\/chats\/([^/]+)\/messages$/, handle: listMessages},
	{method: 'GET', path: /^\/api\/([^/]+)\/chats\/([^/]+)\/messages\/([^/]+)$/, handle: findMessage},
	{method: 'GET', path: /^\/api\/contacts\/all$/, handle: listContacts},
	{method: 'GET', path: /^\/api\/contacts\/profile-picture$/, handle: profilePicture},
	{
		method: 'GET',
		path: /^\/api\/files\/([^/]+)\/([^/]+)$/,
		handle: serveFile,
	},
];

async function overview(world: FakeWorld, {query}: FakeRequest, name = ''): Promise<FakeAnswer> {
	return (
		refuseUnknown(query, ['limit', 'offset', 'merge', 'ids']) ??
		withStatus(world, name, 'WORKING', (session) =>
			ok(pageOf(session.chats.ids, query, 20).map((id) => summaryOf(world, session, id))),
		)
	);
}

function summaryOf({engine}: FakeWorld, {chats}: FakeWahaSession, id: string): object {
	const [last] = chats.messagesOf(id);
	const unreadCount = chats.unread.get(id) ?? 0;
	const [time, chatId] = engine === 'WEBJS' ? ['timestamp', id] : ['conversationTimestamp', toJid(id)];
	return {
		id,
		name: chats.contacts.get(id) ?? null,
		picture: null,
		lastMessage: last === undefined ? {} : withoutMedia(last),
		_chat: {id: chatId, unreadCount, [time]: last?.timestamp},
	};
}

async function listMessages(world: FakeWorld, {query}: FakeRequest, name = '', chatId = ''): Promise<FakeAnswer> {
	const known = ['limit', 'offset', 'downloadMedia', 'merge', 'sortBy', 'sortOrder', 'filter.timestamp.lte'];
	return (
		refuseUnknown(query, known) ??
		withStatus(world, name, 'WORKING', (session) => {
			const until = Number(query.get('filter.timestamp.lte') ?? Number.MAX_VALUE);
			const matching = session.chats.messagesOf(chatId).filter(({timestamp}) => timestamp <= until);
			const sorted = query.get('sortOrder') === 'asc' ? matching.toReversed() : matching;
			return ok(pageOf(sorted, query, 10).map((message) => shown(world, session, message, query)));
		})
	);
}

async function findMessage(
	world: FakeWorld,
	{query}: FakeRequest,
	name = '',
	_chat = '',
	id = '',
): Promise<FakeAnswer> {
	return (
		refuseUnknown(query, ['downloadMedia', 'merge']) ??
		withStatus(world, name, 'WORKING', (session) => {
			const message = session.chats.find(id, world.engine !== 'WEBJS');
			return message === undefined ? notFound('Message') : ok(shown(world, session, message, query));
		})
	);
}

/** Unless it is told not to, WAHA fetches the file from WhatsApp again. */
function shown({files}: FakeWorld, session: FakeWahaSession, message: FakeMessage, query: URLSearchParams): object {
	if (query.get('downloadMedia') === 'false') return withoutMedia(message);
	session.download(message, files);
	return message.payload;
}

function withoutMedia({payload}: FakeMessage): object {
	const {media} = payload;
	return {...payload, media: media === null ? null : {...(media as object), url: null}};
}

async function listContacts(world: FakeWorld, {query}: FakeRequest): Promise<FakeAnswer> {
	return (
		refuseUnknown(query, ['session', 'limit', 'offset', 'sortBy', 'sortOrder']) ??
		withStatus(world, query.get('session') ?? '', 'WORKING', ({chats}) => {
			const sorted = [...chats.contacts].toSorted(([left], [right]) => (left < right ? -1 : 1));
			return ok(pageOf(sorted, query, Number.MAX_VALUE).map(([id, name]) => contactOf(world, id, name)));
		})
	);
}

function contactOf({engine}: FakeWorld, id: string, name: string): object {
	switch (engine) {
		case 'NOWEB':
			return {id: toJid(id), name};
		case 'GOWS':
			return {id, name, pushname: name};
		case 'WEBJS':
			return {id, number: id.replace(/@.*$/, ''), pushname: name, isGroup: id.endsWith('@g.us'), isMyContact: true};
	}
}

async function profilePicture(world: FakeWorld, {query}: FakeRequest): Promise<FakeAnswer> {
	return withStatus(world, query.get('session') ?? '', 'WORKING', ({chats}) => {
		const id = query.get('contactId') ?? '';
		const profilePictureURL = chats.contacts.has(id) ? `https://pps.whatsapp.net/v/${id}.jpg` : null;
		return ok({profilePictureURL});
	});
}

function serveFile({files}: FakeWorld, _request: FakeRequest, session = '', name = ''): FakeAnswer {
	const file = files.find(session, name);
	if (file !== undefined) return {status: 200, body: file.bytes, contentType: file.contentType};
	const error = {code: 404, key: 'FILE_NOT_FOUND', message: `File not found: ${name}`, details: null};
	return {status: 404, body: {error}};
}

function pageOf<T>(all: readonly T[], query: URLSearchParams, defaultLimit: number): readonly T[] {
	const offset = Number(query.get('offset') ?? 0);
	return all.slice(offset, offset + Number(query.get('limit') ?? defaultLimit));
}

function refuseUnknown(query: URLSearchParams, known: readonly string[]): FakeAnswer | undefined {
	const unknown = [...query.keys()].filter((name) => !known.includes(name));
	if (unknown.length === 0) return undefined;
	return refusal(
		400,
		unknown.map((name) => `property ${name} should not exist`),
		'Bad Request',
	);
}
