import test from 'ava';
import {toVcard} from '../../domain/messaging/vcard.ts';

test('a card is the one that clients know, with a number to tap', (t) => {
	t.is(
		toVcard({name: 'Jane Ö. 👋', phone: '15550001111'}),
		[
			'BEGIN:VCARD',
			'VERSION:3.0',
			'N:;Jane Ö. 👋;;;',
			'FN:Jane Ö. 👋',
			'TEL;type=CELL;type=VOICE;waid=15550001111:+15550001111',
			'END:VCARD',
		].join('\n'),
	);
});

for (const [what, name] of [
	['LF', 'x\nTEL:+1'],
	['CR', 'x\rTEL:+1'],
	['CRLF', 'x\r\nTEL:+1'],
	['NEL', 'x\u0085TEL:+1'],
	['LINE SEPARATOR', 'x\u2028TEL:+1'],
	['a folded line', 'x\n TEL:+1'],
] as const) {
	test(`a name cannot add lines to its card: ${what}`, (t) => {
		const lines = toVcard({name, phone: '15550001111'}).split(/\r\n|[\r\n\u0085\u2028\u2029]/);
		t.is(lines.length, 6);
		t.regex(lines[3] ?? '', /^FN:x\\n ?TEL:\+1$/);
	});
}

test('what the format reserves is escaped, and control characters are gone', (t) => {
	const [, , , name] = toVcard({name: 'a,b;c\\d\u0000\u001b\te', phone: '1'}).split('\n');
	t.is(name, 'FN:a\\,b\\;c\\\\de');
});
