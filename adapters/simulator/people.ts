import {ValidationError} from '../../domain/errors.ts';
import {normaliseChatId} from '../../domain/messaging/chat-id.ts';
import type {SimulatedAccount} from './session-state.ts';
import {toFraction, type Seed} from './seed.ts';

const NAMES = [
	'Amina Diallo',
	'Bruno Costa',
	'Chen Wei',
	'Dana Novak',
	'Elif Kaya',
	'Farid Rahimi',
	'Grace Okafor',
	'Hana Sato',
	'Ivan Petrov',
	'Julia Schmidt',
	'Kofi Mensah',
	'Lucía Torres',
	'Maya Levi',
	'Noah Williams',
	'Priya Nair',
] as const;

/** True for the ids of direct chats. */
export function isPerson(chatId: string): boolean {
	return /@(c\.us|lid)$/.test(chatId);
}

/** True for what can be written to: everything but stories and broadcast lists. */
export function isChat(chatId: string): boolean {
	return isPerson(chatId) || /@(g\.us|newsletter)$/.test(chatId);
}

/** The chat id of a contact, given in any form that recipients may have. @throws {ValidationError} not a person */
export function contactId(from: string): string {
	const chatId = normaliseChatId(from);
	if (!isPerson(chatId)) {
		throw new ValidationError('from must be a person: a phone number or an id that ends in @c.us or @lid');
	}
	return chatId;
}

/** The id of a group. @throws {ValidationError} no group */
export function groupId(group: string): string {
	if (!/^[\w.-]+@g\.us$/.test(group)) {
		throw new ValidationError('group must be an id that ends in @g.us');
	}
	return group;
}

/** The phone that scans this session's QR code: always the same one, so that a session which is linked again is the same account. */
export function accountOf(seed: Seed): SimulatedAccount {
	return {id: `${phoneNumber(seed, 'account')}@c.us`, pushName: pushName(seed, 'account'), lid: lid(seed, 'account')};
}

/** The name that a contact gave itself. */
export function pushName(seed: Seed, contact: string): string {
	return NAMES[Math.floor(toFraction(seed.of(`name ${contact}`)) * NAMES.length)] ?? NAMES[0];
}

/** `1555` and seven digits; never one of the test numbers, which end in 0000 … 0004. */
export function phoneNumber(seed: Seed, contact: string): string {
	const bytes = seed.of(`phone ${contact}`);
	const exchange = String(bytes.readUInt16BE(0) % 1000).padStart(3, '0');
	return `1555${exchange}${1000 + (bytes.readUInt16BE(2) % 9000)}`;
}

/** What a group or a channel calls itself. */
export function subject(seed: Seed, chatId: string): string {
	const kind = chatId.endsWith('@newsletter') ? 'Channel' : 'Group';
	return `${kind} ${pushName(seed, chatId).split(' ')[0] ?? ''}`;
}

/** Who else is in a group: two people, under their `@lid` as groups have them. */
export function groupMembers(seed: Seed, groupId: string): readonly string[] {
	return [lid(seed, `${groupId} 1`), lid(seed, `${groupId} 2`)];
}

/** Where WhatsApp has the picture of somebody or of a group; null for a third of them, who have none. */
export function pictureUrl(seed: Seed, chatId: string): string | null {
	const bytes = seed.of(`picture ${chatId}`);
	return toFraction(bytes) < 1 / 3
		? null
		: `https://pps.whatsapp.net/v/t61.24694-24/${bytes.readUInt32BE(4)}_n.jpg?ccb=11-4&oh=01`;
}

/** Fifteen digits and `@lid`. */
function lid(seed: Seed, contact: string): string {
	return `${10n ** 14n + (seed.of(`lid ${contact}`).readBigUInt64BE(0) % (9n * 10n ** 14n))}@lid`;
}
