import type {ExecutionContext} from 'ava';
import {messageKeyOf} from '../../../domain/messaging/message-id.ts';
import type {Operation} from '../../../domain/ports/whatsapp-engine.ts';
import {
	CHAT,
	fails,
	inTime,
	linkedSession,
	messageReported,
	newKey,
	newSession,
	onlyGoesOut,
	openSession,
	send,
	sentId,
	type Declare,
	type EngineFixture,
	type Payload,
} from './fixture.ts';
import {SAMPLE_CONTENT} from './sample-content.ts';

/** What a call is about: real things of a linked session, or things that never were. */
interface Scene {
	readonly fixture: EngineFixture;
	readonly session: string;
	/** Own text, full id. */
	readonly own: string;
	/** A contact's document, full id, and where the event says that its file is. */
	readonly incoming: string;
	readonly url: string;
	readonly signal: AbortSignal;
}

type Call = (scene: Scene) => Promise<unknown>;

const SLICE = {limit: 10, offset: 0} as const;

/** Calls that need a session which is WORKING, by the operation that they are. */
const CALLS = {
	'send.text': sendOf('text'),
	'send.image': sendOf('image'),
	'send.video': sendOf('video'),
	'send.document': sendOf('document'),
	'send.audio': sendOf('voice'),
	'send.sticker': sendOf('sticker'),
	'send.location': sendOf('location'),
	'send.contact': sendOf('contact'),
	'send.poll': sendOf('poll'),
	reply: ({fixture, session, own, signal}) => send(fixture, session, {replyTo: own, signal}),
	mentions: ({fixture, session, signal}) =>
		send(fixture, session, {text: 'look @15550003333', mentions: ['15550003333@c.us'], signal}),
	edit: ({fixture, session, own, signal}) =>
		fixture.engine.messages.edit(session, {chatId: CHAT, messageId: own}, 'another text', signal),
	react: ({fixture, session, incoming, signal}) =>
		fixture.engine.messages.react(session, {chatId: CHAT, messageId: incoming}, '👍', signal),
	forward: ({fixture, session, own, signal}) =>
		fixture.engine.messages.forward(session, {chatId: CHAT, messageId: own}, newKey(), signal),
	revoke: ({fixture, session, own, signal}) =>
		fixture.engine.messages.revoke(session, {chatId: CHAT, messageId: own}, signal),
	'mark-read': ({fixture, session, signal}) => fixture.engine.presence.markRead(session, CHAT, signal),
	typing: ({fixture, session, signal}) => fixture.engine.presence.typing(session, CHAT, true, signal),
	chats: ({fixture, session}) => fixture.engine.history.chats(session, SLICE),
	messages: async ({fixture, session, own}) => {
		await fixture.engine.history.messages(session, CHAT, SLICE);
		await fixture.engine.history.findMessage(session, CHAT, own);
	},
	contacts: ({fixture, session}) => fixture.engine.history.contacts(session, SLICE),
	'profile-picture': ({fixture, session}) => fixture.engine.history.profilePicture(session, CHAT),
	'media-again': ({fixture, session, incoming, signal}) =>
		fixture.engine.media.openOfMessage(session, {chatId: CHAT, messageId: incoming}, signal),
} as const satisfies Partial<Record<Operation, Call>>;

/** Those of them that take a signal. */
const STOPPABLE = Object.keys(CALLS).filter(
	(operation) => !['chats', 'messages', 'contacts', 'profile-picture'].includes(operation),
);

/** The other operations, each with what shows that it works. */
const PROBES: Readonly<Record<Exclude<Operation, keyof typeof CALLS>, Probe>> = {
	qr: async (t, {fixture}, able) => {
		await worksOrRefuses(t, fixture.engine.link.qr(await openSession(fixture)), able);
	},
	'pairing-code': async (t, {fixture}, able) => {
		await worksOrRefuses(t, fixture.engine.link.requestPairingCode(await openSession(fixture), '15550002222'), able);
	},
	me: async (t, {fixture, session}, able) => {
		await worksOrRefuses(t, fixture.engine.me(session), able);
	},
	media: async (t, {fixture, session, url, signal}, able) => {
		await worksOrRefuses(t, fixture.engine.media.open(session, url, signal), able);
		await worksOrRefuses(t, fixture.engine.media.openByName(session, lastPart(url), signal), able);
	},
	/** An option and no call: able means that the message has the id that was asked for. */
	'client-message-id': async (t, {fixture, session}, able) => {
		const key = newKey();
		const id = await sentId(fixture, session, {key});
		t.is(messageKeyOf(id) === key, able, `asked for ${key}, got ${id}`);
		t.is((await messageReported(fixture, session, id))['id'], id);
	},
};

type Probe = (t: ExecutionContext, scene: Scene, able: boolean) => Promise<void>;

/** That the table tells the truth, and what every call does about sessions that cannot. */
export function capabilityContract(declare: Declare): void {
	declare('what the capability table says is true, in both directions', async (t, fixture) => {
		const scene = await startScene(fixture);
		const table = fixture.engine.capabilities();
		for (const [operation, call] of Object.entries(CALLS) as [keyof typeof CALLS, Call][]) {
			await worksOrRefuses(t, call(scene), table[operation].level !== 'no', operation);
		}
		for (const [operation, probe] of Object.entries(PROBES) as [keyof typeof PROBES, Probe][]) {
			await probe(t, scene, table[operation].level !== 'no');
		}
	});

	declare('what is not simply able has a note, and no operation is missing', (t, fixture) => {
		const table = fixture.engine.capabilities();
		t.deepEqual(Object.keys(table).sort(), [...Object.keys(CALLS), ...Object.keys(PROBES)].sort());
		for (const [operation, {level, note}] of Object.entries(table)) {
			t.true(['yes', 'no', 'degraded'].includes(level), operation);
			t.true(level === 'yes' || (note ?? '') !== '', operation);
		}
		return Promise.resolve();
	});

	declare('no call does anything in a session that is unknown', async (t, fixture) => {
		const scene = unknownScene(fixture, newSession());
		for (const [operation, call] of ableCalls(fixture)) {
			t.log(operation);
			await fails(t, call(scene), 'SESSION_NOT_FOUND');
		}
		const {media} = fixture.engine;
		await fails(t, media.open(scene.session, scene.url, inTime()), 'SESSION_NOT_FOUND', 'MEDIA_NOT_FOUND');
	});

	declare('no call does anything in a session that is not linked', async (t, fixture) => {
		const scene = unknownScene(fixture, await openSession(fixture));
		for (const [operation, call] of ableCalls(fixture)) {
			t.log(operation);
			await fails(t, call(scene), 'SESSION_NOT_CONNECTED');
		}
		t.true(fixture.events(scene.session).every(({event}) => event === 'session.status'));
	});

	declare('no call does anything when it was called off before it began', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const scene = {...unknownScene(fixture, session), signal: AbortSignal.abort()};
		for (const [operation, call] of ableCalls(fixture)) {
			if (STOPPABLE.includes(operation)) {
				await t.throwsAsync(call(scene), undefined, operation);
			}
		}
		await t.throwsAsync(fixture.engine.media.open(session, scene.url, scene.signal));
		await onlyGoesOut(t, fixture, session);
		t.deepEqual(await fixture.typingIn(session), []);
	});
}

function sendOf(kind: keyof typeof SAMPLE_CONTENT): Call {
	return ({fixture, session, signal}) => send(fixture, session, {content: SAMPLE_CONTENT[kind], signal});
}

function ableCalls({engine}: EngineFixture): readonly [Operation, Call][] {
	const table = engine.capabilities();
	const calls = Object.entries(CALLS) as [Operation, Call][];
	return calls.filter(([operation]) => table[operation].level !== 'no');
}

async function startScene(fixture: EngineFixture): Promise<Scene> {
	const session = await linkedSession(fixture);
	const own = await sentId(fixture, session);
	const incoming = await fixture.receive(session, {from: CHAT, text: 'a file', sizeBytes: 1000});
	const {media} = await messageReported(fixture, session, incoming);
	return {fixture, session, own, incoming, url: String((media as Payload)['url']), signal: inTime()};
}

function unknownScene(fixture: EngineFixture, session: string): Scene {
	return {
		fixture,
		session,
		own: `true_${CHAT}_3EB0AAAAAAAAAAAAAAAAAAAA`,
		incoming: `false_${CHAT}_3AAAAAAAAAAAAAAAAAAA`,
		url: `http://localhost:3000/api/files/${session}/3AAAAAAAAAAAAAAAAAAA.bin`,
		signal: inTime(),
	};
}

async function worksOrRefuses(
	t: ExecutionContext,
	call: Promise<unknown>,
	able: boolean,
	operation?: string,
): Promise<void> {
	await (able ? t.notThrowsAsync(call, operation) : fails(t, call, 'NOT_SUPPORTED'));
}

function lastPart(url: string): string {
	return url.slice(url.lastIndexOf('/') + 1);
}
