import type {ChangeListener} from '../broker/control-bus.ts';
import type {Change} from '../broker/messages.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {Logger} from '../ports/logger.ts';

/** About 10 MB at most. */
const MAX_CHECKED = 100_000;

/**
 * Which connections are deleted, for whoever must not wait for the store: known moments after the control bus tells of it; what was
 * missed is found out when the connection is next asked for.
 */
export class DeletedConnections implements ChangeListener {
	readonly #store: Pick<ConnectionStore, 'find'>;
	readonly #log: Logger;
	readonly #deletedAt = new Map<string, Date>();
	/** The last look-up of what need not be looked up: under way, or done. */
	readonly #lookups = new Map<string, Promise<void>>();

	constructor({store, log}: {store: Pick<ConnectionStore, 'find'>; log: Logger}) {
		this.#store = store;
		this.#log = log;
	}

	/** What is known at the moment: a connection that is asked for for the first time counts as there. */
	has(connectionId: string): boolean {
		if (!this.#lookups.has(connectionId)) void this.#lookUp(connectionId);
		return this.#deletedAt.has(connectionId);
	}

	/** For whoever can wait for the store the first time; undefined for what is there, or cannot be looked up. Never rejects. */
	async deletedAt(connectionId: string): Promise<Date | undefined> {
		await (this.#lookups.get(connectionId) ?? this.#lookUp(connectionId));
		return this.#deletedAt.get(connectionId);
	}

	onChange(change: Change): void {
		if (change.kind === 'connection') void this.#lookUp(change.connectionId);
	}

	/** What is known stays until it is looked up again. */
	onGap(): void {
		this.#lookups.clear();
	}

	/** Never rejects; while the store is away nothing is learnt. */
	#lookUp(connectionId: string): Promise<void> {
		if (this.#lookups.size >= MAX_CHECKED) {
			this.#lookups.clear();
			this.#deletedAt.clear();
		}
		const lookup = this.#read(connectionId).then(
			(deletedAt) => {
				// A later look-up may have read what is true by now.
				if (this.#lookups.get(connectionId) !== lookup) return;
				if (deletedAt !== null) this.#deletedAt.set(connectionId, deletedAt);
				else this.#deletedAt.delete(connectionId);
			},
			(error: unknown) => {
				this.#log.warn({error, connectionId}, 'connection.lookup.failed');
				if (this.#lookups.get(connectionId) === lookup) this.#lookups.delete(connectionId);
			},
		);
		this.#lookups.set(connectionId, lookup);
		return lookup;
	}

	async #read(connectionId: string): Promise<Date | null> {
		return (await this.#store.find(connectionId))?.deletedAt ?? null;
	}
}
