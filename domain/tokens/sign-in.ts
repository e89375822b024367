import {UnauthenticatedError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {IdentityVerifier, VerifiedIdentity} from '../ports/identity-verifier.ts';
import type {UserStore} from '../ports/user-store.ts';
import {EVERYTHING} from './grants.ts';
import type {Identity} from './identity.ts';
import type {User} from './token.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** People who come with a JWT of the operator's identity provider instead of an API token of ours. */
export class SignIn {
	readonly #verifier: IdentityVerifier;
	readonly #users: UserStore;
	readonly #clock: Clock;

	constructor({verifier, users, clock}: {verifier: IdentityVerifier; users: UserStore; clock: Clock}) {
		this.#verifier = verifier;
		this.#users = users;
		this.#clock = clock;
	}

	/**
	 * The user is stored when he comes for the first time, and never as an administrator.
	 * @throws {UnauthenticatedError} with the contract's wording @throws {SignInUnavailableError} @throws {StoreUnavailableError}
	 */
	async authenticate(jwt: string): Promise<Identity> {
		const verified = await this.#verifier.verify(jwt);
		const id = verified.subject.toLowerCase();
		if (!UUID.test(id)) {
			throw new UnauthenticatedError('Token verification failed');
		}
		const user = (await this.#users.find(id)) ?? (await this.#welcome(id, verified));
		if (user.disabled) {
			throw new UnauthenticatedError('This user is disabled: ask the administrator of this gateway');
		}
		return {user, tokenId: null, callerId: `user ${id}`, grants: EVERYTHING, expiresAt: verified.expiresAt};
	}

	async #welcome(id: string, {email, name}: VerifiedIdentity): Promise<User> {
		const createdAt = new Date(this.#clock.now());
		const user: User = {id, email, name, isAdmin: false, disabled: false, createdAt};
		await this.#users.insert(user);
		// Somebody else may have been faster, in this process or another.
		return (await this.#users.find(id)) ?? user;
	}
}
