/**
 * What a recipient does with messages, told by the last four digits of its number, like test cards of payment services:
 * `0001` is not on WhatsApp, `0002` has blocked us, `0003` is never reached (one tick), `0004` makes WhatsApp restrict our
 * account; `0000` and everybody else gets messages and reads them.
 */
export type Behaviour = 'reads' | 'not-on-whatsapp' | 'blocked' | 'unreachable' | 'restricts';

const BEHAVIOURS: ReadonlyMap<string, Behaviour> = new Map([
	['0001', 'not-on-whatsapp'],
	['0002', 'blocked'],
	['0003', 'unreachable'],
	['0004', 'restricts'],
]);

/** @param chatId `<digits>@c.us` or `<digits>@lid` */
export function behaviourOf(chatId: string): Behaviour {
	return BEHAVIOURS.get(chatId.slice(0, chatId.lastIndexOf('@')).slice(-4)) ?? 'reads';
}
