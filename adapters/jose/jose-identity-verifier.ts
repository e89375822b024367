import {decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyOptions} from 'jose';
import {DomainError, UnauthenticatedError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {IdentityVerifier, VerifiedIdentity} from '../../domain/ports/identity-verifier.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {RemoteKeySet} from './remote-key-set.ts';

/** What providers sign with whose public keys anybody may have; a shared secret (HS256) or none at all is never taken. */
const ALGORITHMS = ['RS256', 'ES256'];

/** The provider's clock and ours may differ by this much. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** The latest moment that a `Date` can be. */
const MAX_DATE_MS = 8.64e15;

const MAX_TEXT_LENGTH = 320;

/** Verifies the JWTs of one issuer for one audience, with the keys at its JWKS URL. */
export class JoseIdentityVerifier implements IdentityVerifier {
	readonly #keys: RemoteKeySet;
	readonly #options: JWTVerifyOptions;
	readonly #clock: Clock;

	constructor(options: {jwksUrl: string; issuer: string; audience: string; clock: Clock; log: Logger}) {
		const {jwksUrl, issuer, audience, clock, log} = options;
		this.#keys = new RemoteKeySet({url: jwksUrl, clock, log});
		this.#options = {
			algorithms: ALGORITHMS,
			issuer,
			audience,
			clockTolerance: CLOCK_TOLERANCE_SECONDS,
			requiredClaims: ['sub', 'exp'],
		};
		this.#clock = clock;
	}

	async verify(jwt: string): Promise<VerifiedIdentity> {
		if (kidOf(jwt) === undefined) {
			throw new UnauthenticatedError('Token missing key ID (kid)');
		}
		try {
			const currentDate = new Date(this.#clock.now());
			const {payload} = await jwtVerify(jwt, (header) => this.#keys.keyFor(header), {...this.#options, currentDate});
			return toIdentity(payload);
		} catch (error) {
			throw error instanceof DomainError ? error : new UnauthenticatedError(messageFor(error), {cause: error});
		}
	}
}

/** @throws {UnauthenticatedError} it is no JWT at all */
function kidOf(jwt: string): string | undefined {
	try {
		const {kid} = decodeProtectedHeader(jwt);
		return typeof kid === 'string' && kid !== '' ? kid : undefined;
	} catch (error) {
		throw new UnauthenticatedError('Invalid token format', {cause: error});
	}
}

function messageFor(error: unknown): string {
	if (error instanceof errors.JWTExpired) {
		return 'Token has expired';
	}
	if (error instanceof errors.JWSSignatureVerificationFailed) {
		return 'Invalid token signature';
	}
	return error instanceof errors.JWSInvalid ? 'Invalid token format' : 'Token verification failed';
}

/** Providers differ in where they put a name: the standard claim, or Supabase's metadata. */
function toIdentity({sub, exp = 0, email, name, user_metadata: metadata}: JWTPayload): VerifiedIdentity {
	const more = (typeof metadata === 'object' && metadata !== null ? metadata : {}) as Record<string, unknown>;
	return {
		subject: textOrNull(sub) ?? '',
		email: textOrNull(email),
		name: textOrNull(name) ?? textOrNull(more['full_name']) ?? textOrNull(more['name']),
		expiresAt: new Date(Math.min((exp + CLOCK_TOLERANCE_SECONDS) * 1000, MAX_DATE_MS)),
	};
}

function textOrNull(value: unknown): string | null {
	const isText = typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH && value.isWellFormed();
	return isText ? value : null;
}
