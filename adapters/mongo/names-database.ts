/** True when a MongoDB URL (one host or several) has a database's name in its path. */
export function namesDatabase(url: string): boolean {
	return /^mongodb(\+srv)?:\/\/[^/]+\/[^?]/.test(url);
}
