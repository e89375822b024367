import test from 'ava';
import {ValidationError} from '../../domain/errors.ts';
import {messageKeyOf, readMessageId, requireMessageId} from '../../domain/messaging/message-id.ts';

test('the parts of a full message id, in every form that engines give', (t) => {
	const cases = [
		['true_15550001111@c.us_3EB0AB', true, '15550001111@c.us'],
		['false_15550001111@c.us_3EB0AB', false, '15550001111@c.us'],
		['true_123456789012345@lid_3EB0AB', true, '123456789012345@lid'],
		['true_15550001111@s.whatsapp.net_3EB0AB', true, '15550001111@s.whatsapp.net'],
		['false_1203630-1555@g.us_3EB0AB_15550001111@c.us', false, '1203630-1555@g.us'],
		['true_1203630@g.us_3EB0AB_out', true, '1203630@g.us'],
		['false_status@broadcast_3EB0AB_15550001111@c.us', false, 'status@broadcast'],
		['false_1203@newsletter_3EB0AB', false, '1203@newsletter'],
	] as const;
	for (const [id, fromMe, chatId] of cases) {
		t.deepEqual(readMessageId(id), {fromMe, chatId, key: '3EB0AB'}, id);
		t.is(messageKeyOf(id), '3EB0AB');
		t.is(requireMessageId(id).key, '3EB0AB');
	}
});

test('what is no full id may be a key, but changes no message', (t) => {
	for (const id of [
		'3EB0AB',
		'',
		'true_',
		'true_15550001111_3EB0AB',
		'maybe_1@c.us_3EB0AB',
		'true_1@c.us_',
		'_1@c.us_A',
	]) {
		t.is(readMessageId(id), undefined, id);
		t.is(messageKeyOf(id), id);
		const error = t.throws(() => requireMessageId(id, 'replyTo'), {instanceOf: ValidationError});
		t.regex(error.message, /^replyTo must be a full message id such as/);
	}
});
