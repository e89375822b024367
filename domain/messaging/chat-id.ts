import {ValidationError} from '../errors.ts';

const SERVERS = new Set(['c.us', 'g.us', 'lid', 'newsletter', 'broadcast']);

/**
 * Brings every accepted form of a recipient into WhatsApp's own: a bare phone (with or without `+`, spaces, dashes) and
 * `@s.whatsapp.net` become `<digits>@c.us`; `@c.us`, `@g.us`, `@lid`, `@newsletter` and `@broadcast` stay.
 * @param field that the error names
 * @throws {ValidationError} for anything else
 */
export function normaliseChatId(input: string, field = 'chatId'): string {
	const at = input.lastIndexOf('@');
	if (at === -1) {
		const digits = input.replace(/[\s().+-]/g, '');
		if (!/^\d{5,20}$/.test(digits)) {
			throw invalid(input, field);
		}
		return `${digits}@c.us`;
	}
	const local = input.slice(0, at);
	const server = input.slice(at + 1);
	if (server === 's.whatsapp.net' || server === 'c.us') {
		const digits = local.replace(/:\d+$/, '').replace(/^\+/, '');
		if (!/^\d{1,20}$/.test(digits)) {
			throw invalid(input, field);
		}
		return `${digits}@c.us`;
	}
	if (!SERVERS.has(server) || !/^[\w.-]+$/.test(local)) {
		throw invalid(input, field);
	}
	return input;
}

function invalid(input: string, field: string): ValidationError {
	return new ValidationError(
		`${field} "${input.slice(0, 80)}" is not a WhatsApp recipient: use a phone number in international form or an id that ends in @c.us, @g.us, @lid or @newsletter`,
	);
}
