/** Leadership by lease: at most one holder, as far as clocks agree; the fencing token tells a former holder off. */
export interface LeaseStore {
	/**
	 * Takes or renews the lease for `ttlMs` from `nowMs`.
	 * @returns the fencing token (grows with each change of holder), or undefined while somebody else holds it.
	 */
	acquire(name: string, holder: string, ttlMs: number, nowMs: number): Promise<number | undefined>;
	/** Gives it up early; does nothing for anyone but the holder. */
	release(name: string, holder: string): Promise<void>;
}
