import {createHmac, randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import type {FakeEnvelope, FakeWebhook} from './fake-waha-session.ts';

/** What `*` leaves out. */
const NOT_IN_ALL = new Set(['engine.event', 'state.change']);

/** One event that was posted to one webhook, retries included. */
export interface FakeDelivery {
	readonly url: string;
	readonly event: string;
	/** The status of each request; 0 where there was no answer. */
	readonly statuses: readonly number[];
	/** Any 2xx ended it; else it was given up, or the server was closed. */
	readonly delivered: boolean;
}

/** Posts events as WAHA does: in parallel, signed, retried from memory until any 2xx. */
export class FakeWahaWebhooks implements Disposable {
	readonly #retryScale: number;
	readonly #closing = new AbortController();

	/** @param retryScale shortens every wait between two tries, those of Retry-After included */
	constructor({retryScale}: {retryScale: number}) {
		this.#retryScale = retryScale;
	}

	static subscribes(webhook: FakeWebhook, event: string): boolean {
		return webhook.events.includes(event) || (webhook.events.includes('*') && !NOT_IN_ALL.has(event));
	}

	async deliver(webhook: FakeWebhook, envelope: FakeEnvelope): Promise<FakeDelivery> {
		const body = JSON.stringify(envelope);
		const headers = headersOf(webhook, envelope, body);
		const {policy = 'constant', delaySeconds = 2, attempts = 15} = webhook.retries ?? {};
		const statuses: number[] = [];
		for (;;) {
			const {status, retryAfterSeconds} = await this.#post(webhook.url, headers, body);
			statuses.push(status);
			const delivered = status >= 200 && status < 300;
			if (delivered || statuses.length > attempts || this.#closing.signal.aborted) {
				return {url: webhook.url, event: String(envelope['event']), statuses, delivered};
			}
			await this.#wait(waitOf(policy, delaySeconds, statuses.length, retryAfterSeconds));
		}
	}

	/** Forgets what waits, as a worker that stops does. */
	[Symbol.dispose](): void {
		this.#closing.abort();
	}

	/** Follows redirects; has no time-out. */
	async #post(
		url: string,
		headers: Record<string, string>,
		body: string,
	): Promise<{status: number; retryAfterSeconds: number}> {
		try {
			const response = await fetch(url, {method: 'POST', headers, body, signal: this.#closing.signal});
			await response.arrayBuffer();
			return {status: response.status, retryAfterSeconds: Number(response.headers.get('retry-after') ?? 0)};
		} catch {
			// Refused, reset, or this server is being closed: all the same to the retries.
			return {status: 0, retryAfterSeconds: 0};
		}
	}

	async #wait(seconds: number): Promise<void> {
		const options = {signal: this.#closing.signal, ref: false};
		// The loop above sees for itself that it was closed.
		await sleep(seconds * 1000 * this.#retryScale, undefined, options).catch(() => undefined);
	}
}

function waitOf(policy: string, delaySeconds: number, retry: number, retryAfterSeconds: number): number {
	switch (policy) {
		case 'linear':
			return Math.max(retry * delaySeconds, retryAfterSeconds);
		case 'exponential':
			return Math.max(2 ** retry * delaySeconds, retryAfterSeconds) * (1 + Math.random() * 0.2);
		default:
			return Math.max(delaySeconds, retryAfterSeconds);
	}
}

/** The same on every retry; custom headers cannot take the place of WAHA's own. */
function headersOf(webhook: FakeWebhook, envelope: FakeEnvelope, body: string): Record<string, string> {
	const key = webhook.hmac?.key;
	return {
		...Object.fromEntries((webhook.customHeaders ?? []).map(({name, value}) => [name.toLowerCase(), value])),
		'content-type': 'application/json',
		'user-agent': 'WAHA/2026.7.1',
		'x-webhook-request-id': randomBytes(8).toString('hex'),
		'x-webhook-timestamp': String(envelope['timestamp']),
		...(key !== undefined && {
			'x-webhook-hmac': createHmac('sha512', key).update(body).digest('hex'),
			'x-webhook-hmac-algorithm': 'sha512',
		}),
	};
}
