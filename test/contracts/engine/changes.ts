import {messageKeyOf} from '../../../domain/messaging/message-id.ts';
import type {Operation} from '../../../domain/ports/whatsapp-engine.ts';
import {eventually} from '../../support/eventually.ts';
import {
	CHAT,
	eventNamed,
	fails,
	idOf,
	inTime,
	linkedSession,
	messageReported,
	newKey,
	sentId,
	type Declare,
	type EngineFixture,
	type Payload,
} from './fixture.ts';
import {SAMPLE_CONTENT} from './sample-content.ts';

/** Ids that never were. */
const UNKNOWN_OWN = `true_${CHAT}_3EB0AAAAAAAAAAAAAAAAAAAA`;
const UNKNOWN = `false_${CHAT}_3AAAAAAAAAAAAAAAAAAA`;

/** What can be done to messages that are there already, and what others see of us. */
export function changesContract(declare: Declare): void {
	/** Declares a test for engines that are able. */
	const declareIf = (operation: Operation, title: string, body: Parameters<Declare>[1]): void => {
		declare(title, async (t, fixture) => {
			if (fixture.engine.capabilities()[operation].level === 'no') {
				t.pass('the capabilities say so, and another test that it is refused');
				return;
			}
			await body(t, fixture);
		});
	};

	declareIf('edit', 'an own text can be edited, and is another one from then on', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const id = await sentId(fixture, session, {text: 'tpyo'});
		await messageReported(fixture, session, id);
		const result = await fixture.engine.messages.edit(session, {chatId: CHAT, messageId: id}, 'typo', inTime());
		t.regex(result.id ?? '', /^true_15550001111@c\.us_/);
		t.true(Number.isInteger(result.timestamp) && result.timestamp < 1e11);

		const edited = await eventNamed(fixture, session, 'message.edited');
		t.like(edited.payload, {editedMessageId: messageKeyOf(id), body: 'typo', fromMe: true});
		t.is((await fixture.engine.history.findMessage(session, CHAT, id))?.body, 'typo');
	});

	declareIf('edit', 'only own texts that there are can be edited', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const edit = (messageId: string): Promise<unknown> =>
			fixture.engine.messages.edit(session, {chatId: CHAT, messageId}, 'another text', inTime());
		await fails(t, edit(await fixture.receive(session, {from: CHAT, text: 'mine'})), 'MESSAGE_NOT_EDITABLE');
		await fails(t, edit(UNKNOWN_OWN), 'MESSAGE_NOT_FOUND');
		t.is(countOf(fixture, session, 'message.edited'), 0);
	});

	declareIf('revoke', 'an own message can be deleted for everyone', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const id = await sentId(fixture, session);
		await messageReported(fixture, session, id);
		await fixture.engine.messages.revoke(session, {chatId: CHAT, messageId: id}, inTime());
		const revoked = await eventNamed(fixture, session, 'message.revoked');
		t.is((revoked.payload as Payload)['revokedMessageId'], messageKeyOf(id));
	});

	declareIf('revoke', 'only own messages that there are can be deleted', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const revoke = (messageId: string): Promise<unknown> =>
			fixture.engine.messages.revoke(session, {chatId: CHAT, messageId}, inTime());
		await fails(t, revoke(await fixture.receive(session, {from: CHAT, text: 'mine'})), 'MESSAGE_NOT_EDITABLE');
		await fails(t, revoke(UNKNOWN_OWN), 'MESSAGE_NOT_FOUND');
		t.is(countOf(fixture, session, 'message.revoked'), 0);
	});

	declareIf('react', 'a reaction, and taking it back, are events', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const messageId = await fixture.receive(session, {from: CHAT, text: 'a joke'});
		for (const text of ['😂', '']) {
			await fixture.engine.messages.react(session, {chatId: CHAT, messageId}, text, inTime());
			const event = await eventNamed(fixture, session, 'message.reaction', ({reaction}) => {
				return (reaction as Payload)['text'] === text;
			});
			t.like(event.payload, {fromMe: true, reaction: {text, messageId}});
		}
		await fails(
			t,
			fixture.engine.messages.react(session, {chatId: CHAT, messageId: UNKNOWN}, '👍', inTime()),
			'MESSAGE_NOT_FOUND',
		);
	});

	declareIf('forward', 'texts and files of both sides can be sent on', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const chatId = '15550005555@c.us';
		const originals = [
			await fixture.receive(session, {from: CHAT, text: 'pass it on'}),
			await sentId(fixture, session, {content: SAMPLE_CONTENT.image}),
		];
		for (const messageId of originals) {
			const key = newKey();
			const {id} = await fixture.engine.messages.forward(session, {chatId, messageId}, key, inTime());
			const body = messageId === originals[0] ? 'pass it on' : SAMPLE_CONTENT.image.caption;
			const event = await eventNamed(fixture, session, 'message.any', (payload) => {
				return payload['body'] === body && String(payload['id']).startsWith(`true_${chatId}_`);
			});
			// Some engines do not tell which message it became.
			t.true(id === null || id === idOf(event), `${String(id)} and not ${String(idOf(event))}`);
			if (fixture.engine.capabilities()['client-message-id'].level === 'yes') {
				t.is(messageKeyOf(id ?? ''), key);
			}
		}
		const unknown = fixture.engine.messages.forward(session, {chatId, messageId: UNKNOWN}, newKey(), inTime());
		await fails(t, unknown, 'MESSAGE_NOT_FOUND');
	});

	declareIf('typing', 'typing begins and ends when it is told to', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {presence} = fixture.engine;
		await presence.typing(session, CHAT, true, inTime());
		t.deepEqual(await fixture.typingIn(session), [CHAT]);
		await presence.typing(session, CHAT, false, inTime());
		await presence.typing(session, CHAT, false, inTime());
		t.deepEqual(await fixture.typingIn(session), []);
	});

	declareIf('mark-read', 'a chat that is marked as read has nothing unread', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fixture.receive(session, {from: CHAT, text: 'one'});
		await fixture.receive(session, {from: CHAT, text: 'two'});
		const unread = async (): Promise<number | undefined> =>
			(await fixture.engine.history.chats(session, {limit: 10, offset: 0})).find(({id}) => id === CHAT)?.unread;
		await eventually(async () => (await unread()) === 2);
		await fixture.engine.presence.markRead(session, CHAT, inTime());
		await eventually(async () => (await unread()) === 0);
		await t.notThrowsAsync(fixture.engine.presence.markRead(session, '15550009999@c.us', inTime()));
	});
}

function countOf(fixture: EngineFixture, session: string, name: string): number {
	return fixture.events(session).filter(({event}) => event === name).length;
}
