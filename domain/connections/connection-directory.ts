import type {ChangeListener} from '../broker/control-bus.ts';
import type {Change} from '../broker/messages.ts';
import type {EventOwner} from '../events/envelope.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';

/** About 30 MB at most. */
const MAX_ENTRIES = 200_000;

/** Whose session is it: a cache over the store, kept true by the control bus. Sessions never change hands. */
export class ConnectionDirectory implements ChangeListener {
	readonly #store: ConnectionStore;
	readonly #owners = new Map<string, EventOwner>();
	readonly #lookups = new Map<string, Promise<EventOwner | undefined>>();

	constructor({store}: {store: ConnectionStore}) {
		this.#store = store;
	}

	/** Undefined for a session that the store does not know (yet). @throws {StoreUnavailableError} */
	ownerOf(sessionName: string): EventOwner | Promise<EventOwner | undefined> {
		return this.#owners.get(sessionName) ?? this.#lookUp(sessionName);
	}

	onChange(change: Change): void {
		if (change.kind === 'connection') {
			this.#owners.delete(change.sessionName);
		}
	}

	onGap(): void {
		this.#owners.clear();
	}

	/** Requests that miss at the same time share one look-up. */
	#lookUp(sessionName: string): Promise<EventOwner | undefined> {
		let lookup = this.#lookups.get(sessionName);
		if (lookup === undefined) {
			lookup = this.#load(sessionName).finally(() => this.#lookups.delete(sessionName));
			this.#lookups.set(sessionName, lookup);
		}
		return lookup;
	}

	async #load(sessionName: string): Promise<EventOwner | undefined> {
		const connection = await this.#store.findBySession(sessionName);
		if (connection === undefined) {
			return undefined;
		}
		const owner = {userId: connection.userId, connectionId: connection.id};
		if (this.#owners.size >= MAX_ENTRIES) {
			this.#owners.clear();
		}
		this.#owners.set(sessionName, owner);
		return owner;
	}
}
