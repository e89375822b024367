import {UnauthenticatedError} from '../../domain/errors.ts';
import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import {ConcurrencyLimit} from './concurrency-limit.ts';

const CHECKS_AT_ONCE = 16;

/** Who could not be checked (the store is away) is checked again after this long, until it could be done. */
const RETRY_MS = 5000;

/** By caller. */
type Identities = ReadonlyMap<string, Identity>;

/** Checks the credentials of connected clients again, after changes may have been missed. */
export class Reauthentication {
	readonly #authenticator: Pick<Authenticator, 'recall'>;
	readonly #connected: () => Identities;
	readonly #onInvalid: (callerId: string) => void;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #checks = new ConcurrencyLimit(CHECKS_AT_ONCE);
	/** A later round makes the earlier ones pointless. */
	#round = 0;

	constructor(options: {
		authenticator: Pick<Authenticator, 'recall'>;
		connected: () => Identities;
		onInvalid: (callerId: string) => void;
		clock: Clock;
		log: Logger;
	}) {
		this.#authenticator = options.authenticator;
		this.#connected = options.connected;
		this.#onInvalid = options.onInvalid;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** Resolves when everybody who was connected at the call is checked, gone, or left to a later round. Never rejects. */
	async run(): Promise<void> {
		const round = ++this.#round;
		let unchecked = this.#connected();
		while (round === this.#round) {
			unchecked = await this.#check(unchecked);
			if (unchecked.size === 0) {
				return;
			}
			await pause(this.#clock, RETRY_MS);
			const connected = this.#connected();
			unchecked = new Map([...unchecked].filter(([callerId]) => connected.has(callerId)));
		}
	}

	/** @returns those of whom nothing could be told */
	async #check(identities: Identities): Promise<Identities> {
		const unchecked = new Map<string, Identity>();
		await Promise.all(
			[...identities].map(async ([callerId, identity]) => {
				try {
					await this.#checks.run(() => this.#authenticator.recall(identity));
				} catch (error) {
					if (error instanceof UnauthenticatedError) {
						this.#onInvalid(callerId);
					} else {
						this.#log.warn({error}, 'stream.recheck.failed');
						unchecked.set(callerId, identity);
					}
				}
			}),
		);
		return unchecked;
	}
}
