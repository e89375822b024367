import {UnauthenticatedError} from '../../domain/errors.ts';
import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import {ConcurrencyLimit} from './concurrency-limit.ts';

const CHECKS_AT_ONCE = 16;

/** A token that could not be checked (the store is away) is checked again after this long, until it could be. */
const RETRY_MS = 5000;

/** Checks the tokens of open sockets again, after changes may have been missed. */
export class Reauthentication {
	readonly #authenticator: Authenticator;
	readonly #openTokens: () => ReadonlySet<string>;
	readonly #onInvalid: (token: string) => void;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #checks = new ConcurrencyLimit(CHECKS_AT_ONCE);
	/** A later round makes the earlier ones pointless. */
	#round = 0;

	constructor(options: {
		authenticator: Authenticator;
		openTokens: () => ReadonlySet<string>;
		onInvalid: (token: string) => void;
		clock: Clock;
		log: Logger;
	}) {
		this.#authenticator = options.authenticator;
		this.#openTokens = options.openTokens;
		this.#onInvalid = options.onInvalid;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** Resolves when every token that was open at the call is checked, closed, or left to a later round. Never rejects. */
	async run(): Promise<void> {
		const round = ++this.#round;
		let unchecked = this.#openTokens();
		while (round === this.#round) {
			unchecked = await this.#check(unchecked);
			if (unchecked.size === 0) {
				return;
			}
			await pause(this.#clock, RETRY_MS);
			const open = this.#openTokens();
			unchecked = new Set([...unchecked].filter((token) => open.has(token)));
		}
	}

	/** @returns the tokens of which nothing could be told */
	async #check(tokens: ReadonlySet<string>): Promise<ReadonlySet<string>> {
		const unchecked = new Set<string>();
		await Promise.all(
			[...tokens].map(async (token) => {
				try {
					await this.#checks.run(() => this.#authenticator.authenticate(token, {fresh: true}));
				} catch (error) {
					if (error instanceof UnauthenticatedError) {
						this.#onInvalid(token);
					} else {
						this.#log.warn({error}, 'stream.recheck.failed');
						unchecked.add(token);
					}
				}
			}),
		);
		return unchecked;
	}
}
