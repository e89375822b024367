import {EngineError} from '../../domain/errors.ts';
import {isChat, isPerson} from './people.ts';
import type {SessionState} from './session-state.ts';
import {behaviourOf, type Behaviour} from './test-numbers.ts';

/** What somebody does who can be reached. */
export type Reaction = Exclude<Behaviour, 'not-on-whatsapp' | 'blocked'>;

/** What the recipient will do with a message. @throws {EngineError} nothing can be sent to it */
export function admit(chatId: string, state: SessionState, nowMs: number): Reaction {
	if (!isChat(chatId)) {
		throw new EngineError(
			'NOT_SUPPORTED',
			'The simulator has no stories and no broadcast lists: send to a person, a group or a channel',
		);
	}
	if (!isPerson(chatId)) {
		return 'reads';
	}
	const reaction = requireReachable(chatId);
	if (state.restrictedUntilMs > nowMs && !state.chats.includes(chatId)) {
		throw accountRestricted(state, nowMs);
	}
	return reaction;
}

/** What this contact does with messages. @throws {EngineError} nobody can write to it or hear from it */
export function requireReachable(chatId: string): Reaction {
	const behaviour = behaviourOf(chatId);
	switch (behaviour) {
		case 'not-on-whatsapp':
			throw new EngineError('RECIPIENT_NOT_ON_WHATSAPP', `${chatId} is not on WhatsApp: check the number`);
		case 'blocked':
			throw new EngineError('RECIPIENT_BLOCKED', `${chatId} has blocked this account`);
		default:
			return behaviour;
	}
}

/** WhatsApp's error 463. */
export function accountRestricted({restrictedUntilMs}: SessionState, nowMs: number): EngineError {
	const until = new Date(restrictedUntilMs).toISOString();
	return new EngineError(
		'ACCOUNT_RESTRICTED',
		`WhatsApp lets this account start no new chats until ${until}; existing chats go on`,
		{retryAfterMs: restrictedUntilMs - nowMs},
	);
}
