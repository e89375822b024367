import type {ChangeListener} from '../broker/control-bus.ts';
import type {Change} from '../broker/messages.ts';
import type {Clock} from '../ports/clock.ts';
import type {WebhookStore} from '../ports/webhook-store.ts';
import type {SecretBox} from '../secret-box.ts';
import {openHeaders} from './custom-headers.ts';
import type {Webhook} from './webhook.ts';

/** How stale an entry may be when the control bus said nothing. */
const MAX_AGE_MS = 5000;
const MAX_ENTRIES = 50_000;

/** A webhook with its secrets opened: what signs, current one first, and its own headers. */
export interface SigningWebhook extends Webhook {
	readonly headers: Readonly<Record<string, string>>;
	readonly secrets: readonly [string, ...string[]];
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
	readonly #entries = new Map<string, Entry>();

	constructor({store, secretBox, clock}: {store: WebhookStore; secretBox: SecretBox; clock: Clock}) {
		this.#store = store;
		this.#secretBox = secretBox;
		this.#clock = clock;
	}

	/** The connection's webhooks and the user's, inactive ones included. From the cache. @throws {StoreUnavailableError} */
	async listForEvent(userId: string, connectionId: string | null): Promise<readonly SigningWebhook[]> {
		const key = `${userId}/${connectionId ?? ''}`;
		const now = this.#clock.now();
		const entry = this.#entries.get(key);
		if (entry !== undefined && now - entry.loadedAtMs < MAX_AGE_MS) {
			return entry.webhooks;
		}
		if (this.#entries.size >= MAX_ENTRIES) {
			this.#entries.clear();
		}
		const webhooks = this.#load(userId, connectionId);
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

	/** One webhook as it stands in the store now; undefined when it is deleted. @throws {StoreUnavailableError} */
	async find(id: string): Promise<SigningWebhook | undefined> {
		const webhook = await this.#store.find(id);
		return webhook && this.#open(webhook);
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

	async #load(userId: string, connectionId: string | null): Promise<readonly SigningWebhook[]> {
		const webhooks = await this.#store.listForEvent(userId, connectionId);
		return webhooks.map((webhook) => this.#open(webhook));
	}

	#open(webhook: Webhook): SigningWebhook {
		const current = this.#secretBox.open(webhook.sealedSecret);
		const previous = webhook.previousSecret;
		const overlapping = previous !== null && previous.until.getTime() > this.#clock.now();
		return {
			...webhook,
			headers: openHeaders(webhook, this.#secretBox),
			secrets: overlapping ? [current, this.#secretBox.open(previous.sealed)] : [current],
		};
	}
}
