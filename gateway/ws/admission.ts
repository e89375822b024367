import {UnauthenticatedError} from '../../domain/errors.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import type {Tickets} from '../../domain/tokens/tickets.ts';
import {CLOSE, type CloseReason} from './close-reason.ts';

/** Tells whose credentials these are, as of the moment at which it tells. */
export class Admission {
	readonly #tickets: Pick<Tickets, 'authenticate'>;
	readonly #authenticator: Pick<Authenticator, 'recall'>;
	readonly #log: Logger;
	/** Counts what may have made credentials invalid: a check that began before does not count. */
	#invalidations = 0;

	constructor(options: {
		tickets: Pick<Tickets, 'authenticate'>;
		authenticator: Pick<Authenticator, 'recall'>;
		log: Logger;
	}) {
		this.#tickets = options.tickets;
		this.#authenticator = options.authenticator;
		this.#log = options.log;
	}

	/** Some credentials may have become invalid just now. */
	invalidate(): void {
		this.#invalidations++;
	}

	/** @returns why nobody may come in by them, if nobody may. Never rejects. */
	async identify(credentials: string | undefined): Promise<Identity | CloseReason> {
		if (credentials === undefined) {
			return CLOSE.missingToken;
		}
		try {
			let invalidations = this.#invalidations;
			let identity = await this.#tickets.authenticate(credentials);
			// Once more when it may have been revoked while the store was asked: its client was not there to be closed.
			while (invalidations !== this.#invalidations) {
				invalidations = this.#invalidations;
				identity = await this.#authenticator.recall(identity);
			}
			return identity;
		} catch (error) {
			if (error instanceof UnauthenticatedError) {
				return CLOSE.invalidToken;
			}
			this.#log.warn({error}, 'stream.authentication.failed');
			return CLOSE.authenticationFailed;
		}
	}
}

/** Nobody's: an attempt that counts against the address that it came from. */
export function isNobody(found: Identity | CloseReason): boolean {
	return found === CLOSE.missingToken || found === CLOSE.invalidToken;
}
