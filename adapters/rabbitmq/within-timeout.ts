/** A server that does not answer for this long while we say goodbye is left without one. */
const TIMEOUT_MS = 2000;

/** Waits until `farewell` settles, either way, but not for ever. Never rejects. */
export async function withinTimeout(farewell: Promise<unknown>): Promise<void> {
	const {promise, resolve} = Promise.withResolvers();
	const timer = setTimeout(resolve, TIMEOUT_MS);
	await Promise.race([promise, farewell.catch(() => undefined)]);
	clearTimeout(timer);
}
