import {randomUUID} from 'node:crypto';
import type {ControlBus} from '../broker/control-bus.ts';
import {getOwnConnection} from '../connections/get-own-connection.ts';
import {ForbiddenError, ValidationError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {Page} from '../ports/page.ts';
import type {TokenStore} from '../ports/token-store.ts';
import {requireOwn} from '../require-own.ts';
import type {Scope} from './grants.ts';
import type {Identity} from './identity.ts';
import {displayPrefix, hashToken, newToken, type ApiToken} from './token.ts';

/** A token at the one moment at which it can be read. */
export interface CreatedToken {
	readonly stored: ApiToken;
	readonly token: string;
}

/** What a token shall be. */
export interface NewToken {
	readonly name: string;
	/** Null = it does not expire. */
	readonly expiresAt: Date | null;
	/** Null = everything. */
	readonly scopes: readonly Scope[] | null;
	/** Null = all of the user's, and the account itself. */
	readonly connectionIds: readonly string[] | null;
}

/** What tenants do with their API tokens. */
export class Tokens {
	readonly #store: TokenStore;
	readonly #connections: Pick<ConnectionStore, 'find'>;
	readonly #control: ControlBus;
	readonly #clock: Clock;

	constructor(options: {
		store: TokenStore;
		connections: Pick<ConnectionStore, 'find'>;
		control: ControlBus;
		clock: Clock;
	}) {
		this.#store = options.store;
		this.#connections = options.connections;
		this.#control = options.control;
		this.#clock = options.clock;
	}

	/**
	 * A token never makes one that may do more, or lives longer, than itself.
	 * @throws {ValidationError} it would be expired already
	 * @throws {NotFoundError} a connection does not exist
	 * @throws {ForbiddenError} it would be too powerful, or a connection is somebody else's
	 */
	async create(creator: Identity, wanted: NewToken): Promise<CreatedToken> {
		const {expiresAt, connectionIds} = wanted;
		if (expiresAt !== null && expiresAt.getTime() <= this.#clock.now()) {
			throw new ValidationError('expiresAt must be in the future');
		}
		refuseMoreThan(creator, wanted);
		await Promise.all((connectionIds ?? []).map((id) => getOwnConnection(this.#connections, creator.user.id, id)));
		return this.#insert(creator.user.id, wanted, newToken());
	}

	/** A token without limits that the operator chose; one that exists already stays as it is. */
	createPreset(userId: string, name: string, token: string): Promise<CreatedToken> {
		return this.#insert(userId, {name, expiresAt: null, scopes: null, connectionIds: null}, token);
	}

	/** Those that are not revoked, oldest first. */
	list(userId: string, page: Page): Promise<readonly ApiToken[]> {
		return this.#store.listActive(userId, page);
	}

	/** Takes effect at once, also on open sockets. @throws {NotFoundError} @throws {ForbiddenError} */
	async revoke(userId: string, tokenId: string): Promise<void> {
		requireOwn(await this.#store.find(tokenId), userId, 'token');
		await this.#store.revoke(tokenId);
		await this.#control.announce({kind: 'token-revoked', userId, tokenId});
	}

	async #insert(
		userId: string,
		{name, expiresAt, scopes, connectionIds}: NewToken,
		token: string,
	): Promise<CreatedToken> {
		const stored: ApiToken = {
			id: randomUUID(),
			userId,
			name,
			hash: hashToken(token),
			prefix: displayPrefix(token),
			active: true,
			lastUsedAt: null,
			expiresAt,
			scopes,
			connectionIds,
			createdAt: new Date(this.#clock.now()),
		};
		await this.#store.insert(stored);
		return {stored, token};
	}
}

/** Somebody who signed in may do everything, for as long as he likes: his session ends soon, his tokens need not. */
function refuseMoreThan({tokenId, grants, expiresAt}: Identity, wanted: NewToken): void {
	if (tokenId === null) {
		return;
	}
	const {scopes, connectionIds} = grants;
	if (
		scopes !== null &&
		!(wanted.scopes ?? ['everything']).every((scope) => (scopes as readonly string[]).includes(scope))
	) {
		throw new ForbiddenError(`This token has the scopes ${scopes.join(', ')}: name scopes among them for the new one`);
	}
	if (connectionIds !== null && !(wanted.connectionIds ?? ['all']).every((id) => connectionIds.includes(id))) {
		throw new ForbiddenError(
			'This token is for certain connections only: name connectionIds among them for the new one',
		);
	}
	if (expiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > expiresAt)) {
		throw new ForbiddenError(
			`This token expires at ${expiresAt.toISOString()}: give the new one an expiresAt that is not later`,
		);
	}
}
