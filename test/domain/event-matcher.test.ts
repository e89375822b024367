import test from 'ava';
import {subjectOf} from '../../domain/events/event-subject.ts';
import {EventMatcher} from '../../domain/webhooks/event-matcher.ts';
import {wantsEvent, type WebhookFilter} from '../../domain/webhooks/webhook.ts';

const CHAT = '15550001111@c.us';

function passes(filter: WebhookFilter | null, payload: unknown, events: readonly string[] = ['*']): boolean {
	const body = Buffer.from(JSON.stringify({event: 'message', payload}));
	return new EventMatcher({event: 'message', receivedAtMs: 0, body}).isWantedBy({events, filter});
}

test('a name stands for itself, * for all, and message.* for all that begin with it, at any depth', (t) => {
	for (const [events, event, wanted] of [
		[['*'], 'session.status', true],
		[['message'], 'message', true],
		[['message'], 'message.any', false],
		[['message.*'], 'message.any', true],
		[['message.*'], 'message.ack.group', true],
		[['message.*'], 'message', false],
		[['message.*'], 'messages.any', false],
		[['group.v2.*'], 'group.v2.participants', true],
		[['group.v2.*'], 'group.join', false],
		[['call.received', 'group.*'], 'group.v2.join', true],
		[['message*'], 'message.any', false],
		[['message*'], 'message', false],
		[['Message', ' message', 'message ', '*.any', '**', '', '.*'], 'message.any', false],
		[[], 'message', false],
	] as const) {
		t.is(wantsEvent(events, event), wanted, `${events.join()} ${event}`);
	}
});

test('the chat of an event is the second part of its message’s id, whatever engine it comes from', (t) => {
	for (const [payload, chatId, fromMe] of [
		[{id: 'false_15550001111@c.us_3EB0', from: 'x@c.us', fromMe: false}, CHAT, false],
		[{id: 'true_15550001111@c.us_3EB0', from: 'me@c.us', to: CHAT, fromMe: true}, CHAT, true],
		[{id: 'true_15550001111@s.whatsapp.net_3EB0'}, CHAT, true],
		[{id: 'false_120363@g.us_3EB0_15550001111@c.us', to: 'y@c.us'}, '120363@g.us', false],
		[{id: 'false_77@lid_3EB0'}, '77@lid', false],
		[{revokedMessageId: '3EB0', before: null, after: {id: 'true_15550001111@c.us_A'}}, CHAT, true],
		[{revokedMessageId: '3EB0', after: null, before: {id: 'false_15550001111@c.us_A'}}, CHAT, false],
		[{vote: {id: 'false_15550001111@c.us_V'}, poll: {id: 'true_15550001111@c.us_P'}}, CHAT, false],
		[{id: '15550001111@s.whatsapp.net', presences: []}, CHAT, undefined],
		[{id: 'CALL1', from: CHAT}, undefined, undefined],
		[{group: {id: '120363@g.us'}}, undefined, undefined],
		[{status: 'WORKING'}, undefined, undefined],
		[{id: 5}, undefined, undefined],
		[null, undefined, undefined],
		['text', undefined, undefined],
	] as const) {
		t.deepEqual(subjectOf(payload), {chatId, fromMe}, JSON.stringify(payload));
	}
});

test('a filter lets its chats and its side pass, and whatever is about no chat or no message', (t) => {
	const mine = {id: `true_${CHAT}_A`, fromMe: true};
	const theirs = {id: `false_${CHAT}_A`, fromMe: false};
	const other = {id: 'false_15550002222@c.us_A', fromMe: false};
	for (const [filter, payload, expected] of [
		[null, other, true],
		[{chats: [CHAT]}, theirs, true],
		[{chats: [CHAT]}, other, false],
		[{chats: ['x@g.us', CHAT]}, mine, true],
		[{fromMe: true}, mine, true],
		[{fromMe: true}, theirs, false],
		[{fromMe: false}, mine, false],
		[{fromMe: false}, theirs, true],
		[{chats: [CHAT], fromMe: false}, mine, false],
		[{chats: [CHAT], fromMe: false}, other, false],
		[{chats: [CHAT], fromMe: true}, {status: 'WORKING'}, true],
		[{fromMe: true}, {id: CHAT, presences: []}, true],
		[{chats: ['15550002222@c.us']}, {id: CHAT, presences: []}, false],
	] as const) {
		t.is(passes(filter, payload), expected, `${JSON.stringify(filter)} ${JSON.stringify(payload)}`);
	}
	t.false(passes({chats: [CHAT]}, theirs, ['message.*']), 'names count too');
});
