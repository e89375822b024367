/**
 * A contact card, vCard 3.0 as WhatsApp reads it (`waid` makes the number a button to chat). What RFC 2426 reserves is escaped: a
 * name cannot add lines.
 * @param phone digits only
 */
export function toVcard({name, phone}: {name: string; phone: string}): string {
	const text = escape(name);
	return [
		'BEGIN:VCARD',
		'VERSION:3.0',
		`N:;${text};;;`,
		`FN:${text}`,
		`TEL;type=CELL;type=VOICE;waid=${phone}:+${phone}`,
		'END:VCARD',
	].join('\n');
}

function escape(text: string): string {
	return text
		.replace(/[\\,;]/g, (reserved) => `\\${reserved}`)
		.replace(/\r\n|[\r\n\u0085\u2028\u2029]/g, '\\n')
		.replace(/[\u0000-\u001f\u007f]/g, '');
}
