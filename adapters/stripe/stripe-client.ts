import Stripe from 'stripe';

/**
 * What we read and write has the shapes of this version, whatever the account's own is (the contract's; from it on, the end of the period
 * is on the subscription's item).
 */
const API_VERSION = '2025-04-30.basil';

/** One try; a charge can take some seconds at the bank. */
const TIMEOUT_MS = 10_000;

/** After no answer, 409, 429 and 5xx, with growing pauses from half a second on. Writes carry an idempotency key. */
const MAX_RETRIES = 2;

/**
 * @param options.apiUrl another place that speaks Stripe's API: a proxy, or a mock
 * @param options.timeoutMs of one try; 10 s by default
 */
export function createStripeClient({
	secretKey,
	apiUrl,
	timeoutMs = TIMEOUT_MS,
}: {
	secretKey: string;
	apiUrl?: string | undefined;
	timeoutMs?: number;
}): Stripe {
	return new Stripe(secretKey, {
		// The library's types know the latest version only; `stripe-mapper.ts` reads no field that differs.
		apiVersion: API_VERSION as unknown as typeof Stripe.API_VERSION,
		timeout: timeoutMs,
		maxNetworkRetries: MAX_RETRIES,
		telemetry: false,
		...(apiUrl !== undefined && placeOf(new URL(apiUrl))),
	});
}

function placeOf({protocol, hostname, port}: URL): {protocol: 'http' | 'https'; host: string; port: number} {
	const isPlain = protocol === 'http:';
	return {
		protocol: isPlain ? 'http' : 'https',
		host: hostname.replace(/^\[(.*)\]$/, '$1'),
		port: port === '' ? (isPlain ? 80 : 443) : Number(port),
	};
}
