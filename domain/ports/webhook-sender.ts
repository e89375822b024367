import type {AttemptErrorClass} from '../webhooks/delivery.ts';

export interface WebhookRequest {
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Buffer;
	/** For the whole exchange: connect, send, headers and body. */
	readonly timeoutMs: number;
}

export type WebhookResponse =
	| {
			readonly kind: 'answer';
			readonly status: number;
			/** The `Retry-After` header as milliseconds from now. */
			readonly retryAfterMs?: number;
			/** Where a 3xx pointed; it is not followed. */
			readonly location?: string;
			/** The first 4 KB, as text. */
			readonly body: string;
			readonly durationMs: number;
	  }
	| {
			readonly kind: 'failure';
			readonly errorClass: Exclude<AttemptErrorClass, 'status'>;
			readonly error: string;
			readonly durationMs: number;
	  };

/** Makes one HTTP try. Never throws for what the network or the receiver does. */
export interface WebhookSender {
	send(request: WebhookRequest): Promise<WebhookResponse>;
	/** Why this URL must not be called, or undefined. Looks at the text only (no DNS): for checks at creation. */
	refusal(url: string): string | undefined;
}
