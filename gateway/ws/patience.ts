import type {Clock} from '../../domain/ports/clock.ts';
import type {RoomMember} from './room-member.ts';

/** Some may hold up others for this long, in all. */
const PATIENCE_MS = 1000;

/** Waits for members that take their time, but not for long while others wait with it. */
export class Patience {
	readonly #clock: Clock;
	#leftMs = PATIENCE_MS;

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** Resolves when none of them is full, or to those whom the others should wait for no longer; from then on there is patience again. */
	async outlast(members: ReadonlySet<RoomMember>): Promise<readonly RoomMember[]> {
		for (let full = fullOf(members); full.length > 0; full = fullOf(members)) {
			if (full.length === members.size) {
				// Nobody is held up: whoever is done first finds out whether the others are.
				await Promise.race(full.map((member) => member.drained()));
			} else if (this.#leftMs > 0) {
				await this.#waitFor(full);
			} else {
				this.#leftMs = PATIENCE_MS;
				return full;
			}
		}
		return [];
	}

	async #waitFor(full: readonly RoomMember[]): Promise<void> {
		const {promise: impatience, resolve} = Promise.withResolvers<undefined>();
		const startedAtMs = this.#clock.now();
		using _timer = this.#clock.after(this.#leftMs, () => {
			resolve(undefined);
		});
		await Promise.race([impatience, Promise.all(full.map((member) => member.drained()))]);
		this.#leftMs -= this.#clock.now() - startedAtMs;
	}
}

function fullOf(members: ReadonlySet<RoomMember>): readonly RoomMember[] {
	return [...members].filter(({isFull}) => isFull);
}
