import type {ControlBus} from '../broker/control-bus.ts';
import type {Publisher} from '../broker/publisher.ts';
import type {PreparedEvent} from '../events/envelope.ts';
import {prepareUserEvent} from '../events/user-event.ts';
import {WEBHOOK_DISABLED_EVENT} from '../events/vocabulary.ts';
import {digest} from '../hashing.ts';
import type {Logger} from '../ports/logger.ts';
import type {WebhookStore} from '../ports/webhook-store.ts';
import type {AttemptResult, Outcome} from './delivery.ts';
import type {Webhook} from './webhook.ts';

const DAY_MS = 24 * 60 * 60_000;

/** A pause between two failures of more than this share of the time after which a webhook is switched off begins a new series. */
const QUIET_SHARE = 0.5;

/** The attempt after which a webhook is looked at. */
export type FailedAttempt = Pick<Outcome, 'event' | 'atMs'> & {
	readonly result: Pick<AttemptResult, 'status' | 'error'>;
};

/** Why and when a webhook is switched off. */
interface Cause {
	readonly reason: string;
	/** From when on there was reason to: the same in every process, so that all of them make the same notice. */
	readonly dueAtMs: number;
	readonly attempt: FailedAttempt;
}

/**
 * Switches off webhooks that do nothing but fail, and tells their owners. Repeats are harmless: the notice comes before the deed, and
 * all processes and repeats give it the same id.
 */
export class Disabling {
	readonly #store: WebhookStore;
	readonly #publisher: Publisher;
	readonly #control: ControlBus;
	readonly #log: Logger;
	readonly #afterMs: number;

	/** @param options.afterMs how long there must have been nothing but failures; 0 = nothing is switched off for that */
	constructor(options: {store: WebhookStore; publisher: Publisher; control: ControlBus; log: Logger; afterMs: number}) {
		this.#store = options.store;
		this.#publisher = options.publisher;
		this.#control = options.control;
		this.#log = options.log;
		this.#afterMs = options.afterMs;
	}

	/** Attempts succeeded at these webhooks. @throws {StoreUnavailableError} */
	succeeded(webhookIds: readonly string[]): Promise<void> {
		return this.#store.forgetFailures(webhookIds);
	}

	/**
	 * An attempt failed: notes it, and switches the webhook off when that is all there was for too long.
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} it is not switched off; call again
	 */
	async failed(webhookId: string, attempt: FailedAttempt): Promise<void> {
		const webhook = await this.#note(webhookId, attempt.atMs);
		if (webhook === undefined || this.#afterMs === 0) return;
		const dueAtMs = sinceMsOf(webhook) + this.#afterMs;
		if (attempt.atMs >= dueAtMs) {
			const reason = `nothing but failures for ${inDays(this.#afterMs)}`;
			await this.#disable(webhook, {reason, dueAtMs, attempt});
		}
	}

	/**
	 * The receiver said that it is gone for good: switches the webhook off.
	 * @param tried the webhook as it was at the attempt; one with another URL now is another receiver
	 * @throws {StoreUnavailableError} @throws {BrokerUnavailableError} it is not switched off; call again
	 */
	async gone(tried: Webhook, attempt: FailedAttempt): Promise<void> {
		const current = await this.#store.find(tried.id);
		if (current?.url !== tried.url) return;
		const webhook = await this.#note(tried.id, attempt.atMs);
		if (webhook !== undefined) {
			const reason = 'the receiver answered 410 Gone';
			await this.#disable(webhook, {reason, dueAtMs: sinceMsOf(webhook), attempt});
		}
	}

	/** Undefined when it is off or deleted. */
	#note(webhookId: string, atMs: number): Promise<Webhook | undefined> {
		const quietMs = this.#afterMs === 0 ? atMs : this.#afterMs * QUIET_SHARE;
		return this.#store.noteFailure(webhookId, new Date(atMs), new Date(atMs - quietMs));
	}

	async #disable(webhook: Webhook, cause: Cause): Promise<void> {
		const {id, userId, connectionId} = webhook;
		const {reason, attempt} = cause;
		// A notice that is not taken is no news for a second one.
		const isTold = attempt.event !== WEBHOOK_DISABLED_EVENT;
		if (isTold) {
			await this.#publisher.event(toNotice(webhook, cause));
		}
		const done = await this.#store.disable(id, reason, new Date(attempt.atMs));
		await this.#control.announce({kind: 'webhooks', userId, connectionId});
		if (done) {
			this.#log.warn({webhookId: id, userId, connectionId, reason, isTold}, 'webhook.disabled');
		}
	}
}

/** What the owner is told: for the webhooks of the whole account, and for the others of its connection. */
function toNotice(webhook: Webhook, {reason, dueAtMs, attempt}: Cause): PreparedEvent {
	const {id, userId, connectionId, failingSince} = webhook;
	const disabledAt = new Date(attempt.atMs);
	return {
		...prepareUserEvent({
			event: WEBHOOK_DISABLED_EVENT,
			userId,
			key: {timeMs: dueAtMs, hash: digest(WEBHOOK_DISABLED_EVENT, id, String(sinceMsOf(webhook)))},
			timestamp: disabledAt,
			payload: {
				webhookId: id,
				url: withoutSecrets(webhook.url),
				connectionId,
				reason,
				failingSince,
				disabledAt,
				lastStatus: attempt.result.status,
				lastError: attempt.result.error,
			},
		}),
		exceptWebhookId: id,
		...(connectionId !== null && {alsoConnectionId: connectionId}),
	};
}

function sinceMsOf({failingSince}: Webhook): number {
	return failingSince?.getTime() ?? 0;
}

/** What receivers are told apart by stays; user names, passwords and queries often are secrets. */
function withoutSecrets(url: string): string {
	const {origin, pathname} = new URL(url);
	return `${origin}${pathname}`;
}

function inDays(ms: number): string {
	const days = Number((ms / DAY_MS).toPrecision(3));
	return days === 1 ? '1 day' : `${days} days`;
}
