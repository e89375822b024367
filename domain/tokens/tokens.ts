import {randomUUID} from 'node:crypto';
import type {ControlBus} from '../broker/control-bus.ts';
import {ForbiddenError, NotFoundError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {TokenStore} from '../ports/token-store.ts';
import {displayPrefix, hashToken, newToken, type ApiToken} from './token.ts';

/** A token at the one moment at which it can be read. */
export interface CreatedToken {
	readonly stored: ApiToken;
	readonly token: string;
}

/** What tenants do with their API tokens. */
export class Tokens {
	readonly #store: TokenStore;
	readonly #control: ControlBus;
	readonly #clock: Clock;

	constructor({store, control, clock}: {store: TokenStore; control: ControlBus; clock: Clock}) {
		this.#store = store;
		this.#control = control;
		this.#clock = clock;
	}

	/** @param token preset by the operator at the first start; default a new random one */
	async create(userId: string, name: string, token = newToken()): Promise<CreatedToken> {
		const stored: ApiToken = {
			id: randomUUID(),
			userId,
			name,
			hash: hashToken(token),
			prefix: displayPrefix(token),
			active: true,
			lastUsedAt: null,
			expiresAt: null,
			createdAt: new Date(this.#clock.now()),
		};
		await this.#store.insert(stored);
		return {stored, token};
	}

	list(userId: string): Promise<readonly ApiToken[]> {
		return this.#store.listActive(userId);
	}

	/** Takes effect at once, also on open sockets. @throws {NotFoundError} @throws {ForbiddenError} */
	async revoke(userId: string, tokenId: string): Promise<void> {
		const token = await this.#store.find(tokenId);
		if (token === undefined) {
			throw new NotFoundError('Token not found');
		}
		if (token.userId !== userId) {
			throw new ForbiddenError('You do not own this token');
		}
		await this.#store.revoke(tokenId);
		await this.#control.announce({kind: 'token-revoked', userId, tokenId});
	}
}
