import type {ChangeListener} from '../broker/control-bus.ts';
import type {Change} from '../broker/messages.ts';
import type {Clock} from '../ports/clock.ts';
import type {Identity} from './identity.ts';

/** How stale an identity may be when the control bus said nothing. */
const MAX_AGE_MS = 5000;

/** About 10 MB at most. */
const MAX_ENTRIES = 10_000;

interface Entry {
	readonly loadedAtMs: number;
	readonly loading: Promise<Identity>;
	/** Undefined until it is known. */
	identity: Identity | undefined;
}

/**
 * Whose credentials these are, so that most requests read no store. An entry ends with its credentials, after five seconds, or at
 * once when the control bus tells of a revoked token or a disabled user. Failures are not kept: what is valid from now on works now.
 */
export class IdentityCache implements ChangeListener {
	readonly #clock: Clock;
	readonly #entries = new Map<string, Entry>();

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	/** What is known, or what `load` finds: requests that miss at the same time share one look-up. Fails as `load` does. */
	get(key: string, load: () => Promise<Identity>): Promise<Identity> {
		const entry = this.#entries.get(key);
		return entry !== undefined && this.#isCurrent(entry) ? entry.loading : this.#load(key, load);
	}

	forget(key: string): void {
		this.#entries.delete(key);
	}

	onChange(change: Change): void {
		switch (change.kind) {
			case 'token-revoked':
				this.#forgetWhere(({tokenId}) => tokenId === change.tokenId);
				break;
			case 'user-disabled':
				this.#forgetWhere(({user}) => user.id === change.userId);
				break;
			case 'connection':
			case 'webhooks':
			case 'frames-lost':
				break;
		}
	}

	onGap(): void {
		this.#entries.clear();
	}

	#isCurrent({loadedAtMs, identity}: Entry): boolean {
		const now = this.#clock.now();
		const expiresAtMs = identity?.expiresAt?.getTime() ?? Infinity;
		return now - loadedAtMs < MAX_AGE_MS && now < expiresAtMs;
	}

	async #load(key: string, load: () => Promise<Identity>): Promise<Identity> {
		if (this.#entries.size >= MAX_ENTRIES) {
			this.#entries.clear();
		}
		const entry: Entry = {loadedAtMs: this.#clock.now(), loading: load(), identity: undefined};
		this.#entries.set(key, entry);
		try {
			entry.identity = await entry.loading;
			return entry.identity;
		} catch (error) {
			if (this.#entries.get(key) === entry) {
				this.#entries.delete(key);
			}
			throw error;
		}
	}

	/** Those that are being looked up go, too: they may have read what was there before. */
	#forgetWhere(concerns: (identity: Identity) => boolean): void {
		for (const [key, {identity}] of this.#entries) {
			if (identity === undefined || concerns(identity)) {
				this.#entries.delete(key);
			}
		}
	}
}
