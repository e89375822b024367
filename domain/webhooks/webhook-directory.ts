import type {ChangeListener} from '../broker/control-bus.ts';
import type {Change} from '../broker/messages.ts';
import type {Clock} from '../ports/clock.ts';
import type {Logger} from '../ports/logger.ts';
import type {WebhookStore} from '../ports/webhook-store.ts';
import type {SecretBox} from '../secret-box.ts';
import {openHeaders} from './custom-headers.ts';
import type {Webhook} from './webhook.ts';

/** How stale an entry may be when the control bus said nothing. */
const MAX_AGE_MS = 5000;
const MAX_ENTRIES = 50_000;

/** A webhook with its secrets opened. */
export interface SigningWebhook extends Webhook {
	/** Its own; none where `secrets` is null. */
	readonly headers: Readonly<Record<string, string>>;
	/** What signs, current one first; null where secret or headers cannot be opened: nothing can be sent to it. */
	readonly secrets: readonly [string, ...string[]] | null;
	/** From then on it has to be looked up again before it is used (`refresh`), milliseconds since the epoch. */
	readonly staleAtMs: number;
}

interface Entry {
	readonly loadedAtMs: number;
	readonly webhooks: Promise<readonly SigningWebhook[]>;
}

/** The webhooks that may want an event, at most five seconds stale and usually not at all. */
export class WebhookDirectory implements ChangeListener {
	readonly #store: WebhookStore;
	readonly #secretBox: SecretBox;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #entries = new Map<string, Entry>();
	/** The unreadable ones that the log was told of. */
	readonly #reported = new Set<string>();

	constructor(options: {store: WebhookStore; secretBox: SecretBox; clock: Clock; log: Logger}) {
		this.#store = options.store;
		this.#secretBox = options.secretBox;
		this.#clock = options.clock;
		this.#log = options.log;
	}

	/** The connection's webhooks and the user's, inactive ones included. From the cache. @throws {StoreUnavailableError} */
	listForEvent(userId: string, connectionId: string | null): Promise<readonly SigningWebhook[]> {
		return this.#list(userId, connectionId, 0);
	}

	/** One webhook as it stands in the store now; undefined when it is deleted. @throws {StoreUnavailableError} */
	async find(id: string): Promise<SigningWebhook | undefined> {
		const staleAtMs = this.#clock.now() + MAX_AGE_MS;
		const webhook = await this.#store.find(id);
		return webhook && this.#open(webhook, staleAtMs);
	}

	/**
	 * For whoever holds a webhook for a while: as it is by now, from the cache, but never older than what is held. Undefined when it is
	 * deleted.
	 * @throws {StoreUnavailableError}
	 */
	async refresh(webhook: SigningWebhook): Promise<SigningWebhook | undefined> {
		const {id, userId, connectionId, staleAtMs} = webhook;
		const webhooks = await this.#list(userId, connectionId, staleAtMs - MAX_AGE_MS);
		return webhooks.find((each) => each.id === id);
	}

	/** @param sinceMs what was loaded before does not count */
	async #list(userId: string, connectionId: string | null, sinceMs: number): Promise<readonly SigningWebhook[]> {
		const key = `${userId}/${connectionId ?? ''}`;
		const now = this.#clock.now();
		const entry = this.#entries.get(key);
		if (entry !== undefined && now - entry.loadedAtMs < MAX_AGE_MS && entry.loadedAtMs >= sinceMs) {
			return entry.webhooks;
		}
		if (this.#entries.size >= MAX_ENTRIES) {
			this.#entries.clear();
		}
		const webhooks = this.#load(userId, connectionId, now + MAX_AGE_MS);
		const loading = {loadedAtMs: now, webhooks};
		this.#entries.set(key, loading);
		try {
			return await webhooks;
		} catch (error) {
			if (this.#entries.get(key) === loading) {
				this.#entries.delete(key);
			}
			throw error;
		}
	}

	onChange(change: Change): void {
		if (change.kind !== 'webhooks') {
			return;
		}
		if (change.connectionId !== null) {
			this.#entries.delete(`${change.userId}/${change.connectionId}`);
			return;
		}
		for (const key of this.#entries.keys()) {
			if (key.startsWith(`${change.userId}/`)) this.#entries.delete(key);
		}
	}

	onGap(): void {
		this.#entries.clear();
	}

	async #load(userId: string, connectionId: string | null, staleAtMs: number): Promise<readonly SigningWebhook[]> {
		const webhooks = await this.#store.listForEvent(userId, connectionId);
		return webhooks.map((webhook) => this.#open(webhook, staleAtMs));
	}

	/** One that cannot be opened is nobody else's trouble. */
	#open(webhook: Webhook, staleAtMs: number): SigningWebhook {
		try {
			const headers = openHeaders(webhook, this.#secretBox);
			const current = this.#secretBox.open(webhook.sealedSecret);
			return {...webhook, headers, secrets: [current, ...this.#overlapping(webhook)], staleAtMs};
		} catch (error) {
			this.#report(webhook, error);
			return {...webhook, headers: {}, secrets: null, staleAtMs};
		}
	}

	/** The secret before the current one, while it still signs. */
	#overlapping({previousSecret}: Webhook): readonly string[] {
		return previousSecret !== null && previousSecret.until.getTime() > this.#clock.now()
			? [this.#secretBox.open(previousSecret.sealed)]
			: [];
	}

	/** One line for each, not one per look. */
	#report({id}: Webhook, error: unknown): void {
		if (!this.#reported.has(id)) this.#log.error({error, webhookId: id}, 'webhook.unreadable');
		this.#reported.add(id);
	}
}
