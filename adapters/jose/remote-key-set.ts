import {createLocalJWKSet, errors, type JSONWebKeySet, type JWTHeaderParameters} from 'jose';
import {SignInUnavailableError, UnauthenticatedError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';

/** A key that the provider withdraws is accepted for so long. */
const MAX_AGE_MS = 10 * 60_000;

/** Ten fetches per minute at most, however many unknown keys are asked for. */
const MIN_INTERVAL_MS = 6000;

const FETCH_TIMEOUT_MS = 5000;

/** Thousands of keys. */
const MAX_ANSWER_BYTES = 1024 * 1024;

type KeyFinder = ReturnType<typeof createLocalJWKSet>;
type Key = Awaited<ReturnType<KeyFinder>>;

/**
 * The public keys of an identity provider, by their `kid`. jose's own remote set forgets its keys when the provider is away, and
 * asks a provider that fails without a limit.
 */
export class RemoteKeySet {
	readonly #url: string;
	readonly #clock: Clock;
	readonly #log: Logger;
	#find: KeyFinder | undefined;
	#fetchedAtMs = -Infinity;
	#triedAtMs = -Infinity;
	#fetching: Promise<void> | undefined;
	/** Why the latest fetch failed; undefined when it did not. */
	#failure: unknown;

	constructor({url, clock, log}: {url: string; clock: Clock; log: Logger}) {
		this.#url = url;
		this.#clock = clock;
		this.#log = log;
	}

	/**
	 * While the provider is away, keys that are known go on working.
	 * @throws {UnauthenticatedError} the provider answers, and has no such key
	 * @throws {SignInUnavailableError} the key is not known and the provider does not answer
	 */
	async keyFor(header: JWTHeaderParameters): Promise<Key> {
		if (this.#clock.now() - this.#fetchedAtMs >= MAX_AGE_MS) {
			const refreshed = this.#refresh();
			// A provider that is known to be away holds nobody up.
			if (this.#failure === undefined) await refreshed;
		}
		const known = await this.#select(header);
		if (known !== undefined) {
			return known;
		}
		await this.#refresh();
		const fetched = await this.#select(header);
		if (fetched !== undefined) {
			return fetched;
		}
		if (this.#failure !== undefined) {
			throw new SignInUnavailableError({cause: this.#failure});
		}
		throw new UnauthenticatedError('Unable to verify token signing key');
	}

	async #select(header: JWTHeaderParameters): Promise<Key | undefined> {
		try {
			return await this.#find?.(header);
		} catch (error) {
			// None, several, or one that cannot be used for this algorithm.
			if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
			throw error;
		}
	}

	/** Fetches the keys, unless that was done just now; who asks meanwhile waits for the same fetch. Never rejects. */
	#refresh(): Promise<void> {
		const now = this.#clock.now();
		if (this.#fetching === undefined && now - this.#triedAtMs >= MIN_INTERVAL_MS) {
			this.#triedAtMs = now;
			this.#fetching = this.#fetch().finally(() => {
				this.#fetching = undefined;
			});
		}
		return this.#fetching ?? Promise.resolve();
	}

	async #fetch(): Promise<void> {
		try {
			const response = await fetch(this.#url, {
				headers: {accept: 'application/json, application/jwk-set+json'},
				redirect: 'error',
				signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
			});
			if (!response.ok || response.body === null) {
				await response.body?.cancel();
				throw new Error(`the key server answered ${response.status}`);
			}
			this.#find = createLocalJWKSet(JSON.parse(await readText(response.body)) as JSONWebKeySet);
			this.#fetchedAtMs = this.#clock.now();
			this.#failure = undefined;
		} catch (error) {
			this.#failure = error;
			this.#log.warn({error, url: this.#url}, 'jwks.fetch.failed');
		}
	}
}

/** @throws when it is longer than a key set can be; the transfer is ended then */
async function readText(body: ReadableStream<Uint8Array>): Promise<string> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		bytes += chunk.byteLength;
		if (bytes > MAX_ANSWER_BYTES) {
			throw new Error(`the key server answers more than ${MAX_ANSWER_BYTES} bytes`);
		}
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString();
}
