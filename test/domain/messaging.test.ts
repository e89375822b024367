import test from 'ava';
import {phoneNumberOf, toAccount, toConnectionStatus} from '../../domain/connections/connection.ts';
import {ingestionKey, newSessionName} from '../../domain/connections/session-name.ts';
import {ValidationError} from '../../domain/errors.ts';
import {normaliseChatId} from '../../domain/messaging/chat-id.ts';
import {clientMessageId} from '../../domain/messaging/command.ts';
import {SecretBox} from '../../domain/secret-box.ts';
import {hashToken, newToken, TOKEN_PATTERN} from '../../domain/tokens/token.ts';

test('every accepted form of a recipient becomes one', (t) => {
	for (const input of [
		'15550001111',
		'+15550001111',
		'+1 (555) 000-1111',
		'15550001111@c.us',
		'15550001111@s.whatsapp.net',
		'15550001111:12@s.whatsapp.net',
	]) {
		t.is(normaliseChatId(input), '15550001111@c.us', input);
	}
	for (const input of [
		'1203630@g.us',
		'123123123123123@lid',
		'1203@newsletter',
		'status@broadcast',
		'1555-1666@g.us',
	]) {
		t.is(normaliseChatId(input), input);
	}
});

test('what is no recipient is refused with a message that says what to use', (t) => {
	for (const input of [
		'',
		'abc',
		'123',
		'@c.us',
		'a@c.us',
		'x@example.com',
		'123@g.us@c.us',
		'12 34@g.us',
		'../../@g.us',
	]) {
		const error = t.throws(() => normaliseChatId(input), {instanceOf: ValidationError}, input);
		t.regex(error.message, /use a phone number/);
	}
});

test('a client message id is derived from the command and looks like WhatsApp’s own', (t) => {
	t.regex(clientMessageId('a'), /^3EB0[0-9A-F]{20}$/);
	t.is(clientMessageId('a'), clientMessageId('a'));
	t.not(clientMessageId('a'), clientMessageId('b'));
});

test('session names are unique, carry the start of the user’s id and fit WAHA', (t) => {
	const name = newSessionName('4b5c8a52-1f6f-4f0e-9a55-0e2f4f2b7f10');
	t.regex(name, /^u_4b5c8a521f6f_s_[0-9a-f]{12}$/);
	t.not(newSessionName('4b5c8a52-1f6f-4f0e-9a55-0e2f4f2b7f10'), name);
});

test('each session has an ingestion key of its own', (t) => {
	t.regex(ingestionKey('secret', 'a'), /^[0-9a-f]{64}$/);
	t.not(ingestionKey('secret', 'a'), ingestionKey('secret', 'b'));
	t.not(ingestionKey('other', 'a'), ingestionKey('secret', 'a'));
});

test('a reconnect changes nothing for the tenant, and an unknown word neither', (t) => {
	t.is(toConnectionStatus('WORKING'), 'connected');
	t.is(toConnectionStatus('SCAN_QR_CODE'), 'scan_qr');
	t.is(toConnectionStatus('FAILED'), 'failed');
	t.is(toConnectionStatus('STARTING'), undefined);
	t.is(toConnectionStatus('SOMETHING_NEW'), undefined);
});

test('phone numbers are bare digits', (t) => {
	t.is(phoneNumberOf('15550001111@c.us'), '15550001111');
	t.is(phoneNumberOf('15550001111:12@s.whatsapp.net'), '15550001111');
	t.deepEqual(toAccount({id: '1@c.us', lid: 'x'}), {id: '1@c.us', pushName: null});
	t.is(toAccount(null), null);
	t.is(toAccount({id: 5}), null);
});

test('tokens have the contract’s form and are told by their hash', (t) => {
	const token = newToken();
	t.regex(token, TOKEN_PATTERN);
	t.is(token.length, 51);
	t.regex(hashToken(token), /^[0-9a-f]{64}$/);
});

test('a secret box opens what it sealed, never twice the same, and nothing that was changed or sealed by another key', (t) => {
	const box = new SecretBox('a key of sixteen characters');
	const sealed = box.seal('geheim 🔑');
	t.is(box.open(sealed), 'geheim 🔑');
	t.not(box.seal('geheim 🔑'), sealed);
	t.false(sealed.includes('geheim'));
	t.throws(() => new SecretBox('another key of some length').open(sealed));
	t.throws(() => box.open(`${sealed.slice(0, -2)}AA`));
});
