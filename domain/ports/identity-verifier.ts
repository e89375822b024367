/** Who signed in, as the identity provider says. */
export interface VerifiedIdentity {
	/** The provider's id of the person. */
	readonly subject: string;
	readonly email: string | null;
	readonly name: string | null;
	/** From then on the same JWT is refused. */
	readonly expiresAt: Date;
}

/** Tells who a signed-in person is. */
export interface IdentityVerifier {
	/**
	 * Checks signature, issuer, audience and expiry.
	 * @throws {UnauthenticatedError} with the contract's wording for what is wrong with it
	 * @throws {SignInUnavailableError} nothing can be told: the provider's keys could not be had
	 */
	verify(jwt: string): Promise<VerifiedIdentity>;
}
