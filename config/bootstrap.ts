import type {Logger} from '../domain/ports/logger.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {UserStore} from '../domain/ports/user-store.ts';
import {newToken} from '../domain/tokens/token.ts';
import type {Tokens} from '../domain/tokens/tokens.ts';

/** The first administrator has the same id everywhere, so that several processes can start at once. */
const ADMIN_ID = '00000000-0000-4000-8000-000000000001';

export interface BootstrapOptions {
	readonly users: UserStore;
	readonly tokens: Tokens;
	readonly clock: Clock;
	readonly log: Logger;
	/** The operator's own first token. */
	readonly presetToken: string | undefined;
	/** Puts a generated token where the operator finds it. */
	readonly keepToken: (token: string) => void;
}

/**
 * The first start: creates the administrator and a token. Later starts do nothing, but for a preset token that is new. The token is
 * kept before it is valid, and the administrator comes last: whatever ends a first start early, the next one is a first start again,
 * and nobody is locked out.
 * @returns the token, when one was generated: show it, it cannot be read again
 */
export async function bootstrap({
	users,
	tokens,
	clock,
	log,
	presetToken,
	keepToken,
}: BootstrapOptions): Promise<string | undefined> {
	const isFirstStart = !(await users.hasAdmin());
	const generated = isFirstStart && presetToken === undefined ? newToken() : undefined;
	if (generated !== undefined) {
		keepToken(generated);
		await tokens.createPreset(ADMIN_ID, 'First token', generated);
	}
	if (presetToken !== undefined) {
		await tokens.createPreset(ADMIN_ID, 'Bootstrap', presetToken);
	}
	if (isFirstStart) {
		const createdAt = new Date(clock.now());
		await users.insert({id: ADMIN_ID, email: null, name: 'Administrator', isAdmin: true, disabled: false, createdAt});
		log.info({userId: ADMIN_ID}, 'bootstrap.admin');
	}
	return generated;
}
