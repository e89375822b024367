import type {SessionConfig} from '../../domain/ports/whatsapp-engine.ts';

/** A session's configuration in WAHA's words. */
export type WahaSessionConfig = Readonly<Record<string, unknown>>;

/**
 * What we ask of every session: all events, signed, to one address; and a store, without which there are no chats.
 * Retries are spread over about 4.5 h (12 doubling waits from 4 s on, in the worker's memory only): a gateway may be away for
 * that long. The phone goes on ringing (`markOnline`).
 */
export function toWahaConfig({callbackUrl, ingestionKey}: SessionConfig): WahaSessionConfig {
	return {
		noweb: {markOnline: false, store: {enabled: true, fullSync: true}},
		webhooks: [
			{
				url: callbackUrl,
				events: ['*'],
				hmac: {key: ingestionKey},
				retries: {policy: 'exponential', delaySeconds: 2, attempts: 12},
			},
		],
	};
}

/**
 * Whether everything wanted is there already. What WAHA fills in by itself, and what an operator set beside it, makes no
 * difference; one webhook more or less does.
 */
export function isConfigured(actual: unknown, wanted: unknown): boolean {
	if (Array.isArray(wanted)) {
		return (
			Array.isArray(actual) &&
			actual.length === wanted.length &&
			wanted.every((item, index) => isConfigured(actual[index], item))
		);
	}
	if (typeof wanted !== 'object' || wanted === null) {
		return actual === wanted;
	}
	return (
		typeof actual === 'object' &&
		actual !== null &&
		Object.entries(wanted).every(([key, value]) => isConfigured((actual as Record<string, unknown>)[key], value))
	);
}

/** A PUT replaces the whole configuration: what we do not own (a proxy, filters …) has to be said again. */
export function mergeConfig(actual: unknown, wanted: WahaSessionConfig): WahaSessionConfig {
	return typeof actual === 'object' && actual !== null ? {...actual, ...wanted} : wanted;
}
