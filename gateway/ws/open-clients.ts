import type {Identity} from '../../domain/tokens/identity.ts';
import type {CloseReason} from './close-reason.ts';
import type {StreamClient} from './stream-client.ts';

/** The clients of this process that are not closed yet, admitted or not. */
export class OpenClients {
	readonly #clients = new Set<StreamClient>();
	/** Those that are admitted. */
	readonly #byUser = new Map<string, Set<StreamClient>>();

	get size(): number {
		return this.#clients.size;
	}

	add(client: StreamClient): void {
		this.#clients.add(client);
	}

	/** One that has gone already takes no place. */
	admit(client: StreamClient, identity: Identity): void {
		if (!this.#clients.has(client)) {
			return;
		}
		client.admit(identity);
		const userId = identity.user.id;
		this.#byUser.set(userId, (this.#byUser.get(userId) ?? new Set()).add(client));
	}

	remove(client: StreamClient): void {
		this.#clients.delete(client);
		const userId = client.identity?.user.id ?? '';
		const others = this.#byUser.get(userId);
		others?.delete(client);
		if (others?.size === 0) this.#byUser.delete(userId);
	}

	/** As of now. */
	all(): readonly StreamClient[] {
		return [...this.#clients];
	}

	/** A user's that are admitted. */
	of(userId: string): ReadonlySet<StreamClient> {
		return this.#byUser.get(userId) ?? new Set();
	}

	/** Who is admitted, by caller: one stands for all clients that came by the same credentials. */
	identities(): ReadonlyMap<string, Identity> {
		const admitted = this.all().flatMap(({identity}) => identity ?? []);
		return new Map(admitted.map((identity) => [identity.callerId, identity]));
	}

	/** Closes those who are admitted and concerned. */
	closeWhere(concerns: (identity: Identity, client: StreamClient) => boolean, reason: CloseReason): void {
		for (const client of this.#clients) {
			if (client.identity !== undefined && concerns(client.identity, client)) client.close(reason);
		}
	}
}
