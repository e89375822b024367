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
	readonly #deleted = new Set<string>();
	/** What need not be looked up, by the number of its last look-up. */
	readonly #checked = new Map<string, number>();
	#lookups = 0;

	constructor({store, log}: {store: Pick<ConnectionStore, 'find'>; log: Logger}) {
		this.#store = store;
		this.#log = log;
	}

	/** What is known at the moment: a connection that is asked for for the first time counts as there. */
	has(connectionId: string): boolean {
		if (!this.#checked.has(connectionId)) void this.#lookUp(connectionId);
		return this.#deleted.has(connectionId);
	}

	onChange(change: Change): void {
		if (change.kind === 'connection') void this.#lookUp(change.connectionId);
	}

	/** What is known stays until it is looked up again. */
	onGap(): void {
		this.#checked.clear();
	}

	/** Never rejects; while the store is away nothing is learnt. */
	async #lookUp(connectionId: string): Promise<void> {
		if (this.#checked.size >= MAX_CHECKED) {
			this.#checked.clear();
			this.#deleted.clear();
		}
		const lookup = ++this.#lookups;
		this.#checked.set(connectionId, lookup);
		try {
			const connection = await this.#store.find(connectionId);
			// A later look-up may have read what is true by now.
			if (this.#checked.get(connectionId) !== lookup) return;
			if (connection !== undefined && connection.deletedAt !== null) this.#deleted.add(connectionId);
			else this.#deleted.delete(connectionId);
		} catch (error) {
			this.#log.warn({error, connectionId}, 'connection.lookup.failed');
			if (this.#checked.get(connectionId) === lookup) this.#checked.delete(connectionId);
		}
	}
}
