import type {Logger} from '../domain/ports/logger.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {UserStore} from '../domain/ports/user-store.ts';
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
}

/**
 * The first start: creates the administrator and a token. Later starts do nothing, but for a preset token that is new.
 * @returns the token, when one was generated: show it, it cannot be read again
 */
export async function bootstrap({
	users,
	tokens,
	clock,
	log,
	presetToken,
}: BootstrapOptions): Promise<string | undefined> {
	const isFirstStart = !(await users.hasAdmin());
	if (isFirstStart) {
		const createdAt = new Date(clock.now());
		await users.insert({id: ADMIN_ID, email: null, name: 'Administrator', isAdmin: true, disabled: false, createdAt});
		log.info({userId: ADMIN_ID}, 'bootstrap.admin');
	}
	if (presetToken !== undefined) {
		await tokens.create(ADMIN_ID, 'Bootstrap', presetToken);
		return undefined;
	}
	return isFirstStart ? (await tokens.create(ADMIN_ID, 'First token')).token : undefined;
}
