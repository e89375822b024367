import type {Agent} from 'undici';
import type {Clock} from '../../domain/ports/clock.ts';
import type {WebhookRequest, WebhookResponse, WebhookSender} from '../../domain/ports/webhook-sender.ts';
import {AddressGuard} from './address-guard.ts';
import {describeFailure} from './failure-class.ts';
import {guardedAgent} from './guarded-agent.ts';
import type {ResolveName} from './guarded-lookup.ts';
import {parseRetryAfter} from './retry-after.ts';
import {WebhookExchange, type ExchangeEnd} from './webhook-exchange.ts';

/** Idle connections are closed after this, unless the receiver names another time (`Keep-Alive: timeout=…`) … */
const KEEP_ALIVE_MS = 4000;
/** … up to this. */
const KEEP_ALIVE_MAX_MS = 30_000;

export interface UndiciWebhookSenderOptions {
	readonly clock: Clock;
	/** Ours; goes into the `User-Agent`. */
	readonly version: string;
	/** Ranges besides the public ones that may be called, see `AddressGuard`. */
	readonly allowCidrs: readonly string[];
	/** Default: the system's resolver. */
	readonly resolveName?: ResolveName;
}

/**
 * Posts webhooks over kept-alive HTTP/1.1 connections, by undici's `dispatch`: with its deadline a POST costs no more CPU than a
 * bare `request` (measured; an abort signal adds a third to that). Redirects are answers. Addresses are checked twice:
 * literal ones before anything else, resolved ones when the socket connects.
 */
export class UndiciWebhookSender implements WebhookSender, AsyncDisposable {
	readonly #clock: Clock;
	readonly #userAgent: string;
	readonly #guard: AddressGuard;
	readonly #agent: Agent;

	/** @throws {SetupError} `allowCidrs` holds something else than ranges */
	constructor({clock, version, allowCidrs, resolveName}: UndiciWebhookSenderOptions) {
		this.#clock = clock;
		this.#userAgent = `WAHooks/${version}`;
		this.#guard = new AddressGuard(allowCidrs);
		this.#agent = guardedAgent({
			guard: this.#guard,
			resolveName,
			pipelining: 1,
			keepAliveTimeout: KEEP_ALIVE_MS,
			keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
			// One deadline over the whole exchange replaces both.
			headersTimeout: 0,
			bodyTimeout: 0,
		});
	}

	async send(request: WebhookRequest): Promise<WebhookResponse> {
		const startedMs = performance.now();
		const refusal = this.#guard.refusal(request.url);
		if (refusal !== undefined) {
			return {kind: 'failure', errorClass: 'blocked', error: refusal, durationMs: 0};
		}
		const end = await this.#exchange(request);
		return this.#toResponse(end, request, Math.round(performance.now() - startedMs));
	}

	refusal(url: string): string | undefined {
		return this.#guard.refusal(url);
	}

	/** Ends what is running and closes all connections. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#agent.destroy();
	}

	#exchange({url, headers, body, timeoutMs}: WebhookRequest): Promise<ExchangeEnd> {
		const {origin, pathname, search} = new URL(url);
		return new Promise((resolve) => {
			const exchange = new WebhookExchange((end) => {
				deadline[Symbol.dispose]();
				resolve(end);
			});
			const deadline = this.#clock.after(timeoutMs, () => {
				exchange.cut();
			});
			this.#agent.dispatch(
				{
					origin,
					path: pathname + search,
					method: 'POST',
					headers: {...headers, 'user-agent': this.#userAgent},
					body,
				},
				exchange,
			);
		});
	}

	#toResponse(end: ExchangeEnd, {timeoutMs}: WebhookRequest, durationMs: number): WebhookResponse {
		switch (end.kind) {
			case 'answer': {
				const retryAfterMs = parseRetryAfter(end.headers['retry-after'], this.#clock.now());
				const {location} = end.headers;
				return {
					kind: 'answer',
					status: end.status,
					...(retryAfterMs !== undefined && {retryAfterMs}),
					...(location !== undefined && end.status >= 300 && end.status < 400 && {location}),
					body: end.text,
					durationMs,
				};
			}
			case 'deadline':
				return {
					kind: 'failure',
					errorClass: 'timeout',
					error: `No complete answer within ${timeoutMs} ms`,
					durationMs,
				};
			case 'error': {
				const {errorClass, text} = describeFailure(end.error);
				return {kind: 'failure', errorClass, error: text, durationMs};
			}
		}
	}
}
