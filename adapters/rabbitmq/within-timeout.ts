/** A server that does not answer for this long while we say goodbye is left without one. */
const FAREWELL_MS = 2000;

/** Waits until `waited` settles, either way, but not for ever. Never rejects. */
export async function withinTimeout(waited: Promise<unknown>, timeoutMs = FAREWELL_MS): Promise<void> {
	const {promise, resolve} = Promise.withResolvers();
	const timer = setTimeout(resolve, timeoutMs);
	await Promise.race([promise, waited.catch(() => undefined)]);
	clearTimeout(timer);
}
