import {randomBytes} from 'node:crypto';
import {UnauthenticatedError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {TicketStore} from '../ports/ticket-store.ts';
import type {Authenticator} from './authenticator.ts';
import type {Identity} from './identity.ts';
import {hashToken} from './token.ts';

/** Long enough to open a stream with it, too short to be worth stealing from a log. */
const LIFE_MS = 60_000;

/** Every ticket starts with this. */
const PREFIX = 'wst_';

/** A new ticket; the only time it can be read. */
export interface Ticket {
	readonly ticket: string;
	readonly expiresAt: Date;
}

/** What is kept of a ticket: whose it is. What he may do is read again when it is used. */
interface Holder {
	readonly userId: string;
	readonly tokenId: string | null;
	readonly callerId: string;
	readonly expiresAtMs: number | null;
}

/** One-time stand-ins for a caller's credentials, for URLs. They live for a minute and die with what they stand for. */
export class Tickets {
	readonly #store: TicketStore;
	readonly #authenticator: Pick<Authenticator, 'authenticate' | 'recall'>;
	readonly #clock: Clock;

	constructor(options: {
		store: TicketStore;
		authenticator: Pick<Authenticator, 'authenticate' | 'recall'>;
		clock: Clock;
	}) {
		this.#store = options.store;
		this.#authenticator = options.authenticator;
		this.#clock = options.clock;
	}

	/** @throws {FanoutUnavailableError} what all processes share is away */
	async issue({user, tokenId, callerId, expiresAt}: Identity): Promise<Ticket> {
		const now = this.#clock.now();
		const expiresAtMs = expiresAt?.getTime() ?? null;
		const lifeMs = Math.max(1, Math.min(LIFE_MS, (expiresAtMs ?? Infinity) - now));
		const holder: Holder = {userId: user.id, tokenId, callerId, expiresAtMs};
		const ticket = PREFIX + randomBytes(24).toString('hex');
		await this.#store.put(hashToken(ticket), JSON.stringify(holder), lifeMs);
		return {ticket, expiresAt: new Date(now + lifeMs)};
	}

	/**
	 * @param credentials a ticket, which is used up by this, or whatever else authenticates
	 * @throws {UnauthenticatedError} @throws {StoreUnavailableError} @throws {SignInUnavailableError} @throws {FanoutUnavailableError}
	 */
	async authenticate(credentials: string): Promise<Identity> {
		if (!credentials.startsWith(PREFIX)) {
			return this.#authenticator.authenticate(credentials);
		}
		const kept = await this.#store.take(hashToken(credentials));
		if (kept === undefined) {
			throw new UnauthenticatedError('Invalid, used or expired ticket');
		}
		const {userId, tokenId, callerId, expiresAtMs} = JSON.parse(kept) as Holder;
		const expiresAt = expiresAtMs === null ? null : new Date(expiresAtMs);
		return this.#authenticator.recall({user: {id: userId}, tokenId, callerId, expiresAt});
	}
}
