import {errors} from 'undici';
import type {AttemptErrorClass} from '../../domain/webhooks/delivery.ts';

export type FailureClass = Exclude<AttemptErrorClass, 'status'>;

/** Codes of Node's net and dns and of undici; TLS and getaddrinfo codes are told by their prefixes. */
const CLASS_BY_CODE = new Map<string, FailureClass>(
	Object.entries({
		ENOTFOUND: 'dns',
		ENODATA: 'dns',
		ESERVFAIL: 'dns',
		ECONNREFUSED: 'connect',
		EHOSTUNREACH: 'connect',
		EHOSTDOWN: 'connect',
		ENETUNREACH: 'connect',
		ENETDOWN: 'connect',
		EADDRNOTAVAIL: 'connect',
		EACCES: 'connect',
		ETIMEDOUT: 'timeout',
		UND_ERR_CONNECT_TIMEOUT: 'timeout',
		ECONNRESET: 'reset',
		ECONNABORTED: 'reset',
		EPIPE: 'reset',
		UND_ERR_SOCKET: 'reset',
		UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
		EPROTO: 'tls',
		DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
		SELF_SIGNED_CERT_IN_CHAIN: 'tls',
		HOSTNAME_MISMATCH: 'tls',
		EBLOCKED: 'blocked',
	} as const),
);

const CLASS_BY_PREFIX: readonly (readonly [string, FailureClass])[] = [
	['EAI_', 'dns'],
	['ERR_SSL_', 'tls'],
	['ERR_TLS_', 'tls'],
	['CERT_', 'tls'],
	['CRL_', 'tls'],
	['UNABLE_TO_', 'tls'],
	['INVALID_', 'tls'],
];

const TEXT_BY_CLASS = {
	dns: 'The host name could not be resolved',
	connect: 'No connection could be made',
	tls: 'No secure connection could be made',
	timeout: 'The receiver was not reached in time',
	reset: 'The connection was closed before the answer was complete',
	blocked: 'The host name resolves to an address that must not be called',
	other: 'The exchange failed',
} as const satisfies Record<FailureClass, string>;

/** The connection is given up within an answer that is no HTTP, or whose headers are larger than 16 KB. */
const UNREADABLE = {errorClass: 'reset', text: 'The answer is not HTTP that can be read'} as const;

/**
 * Tells what went wrong by the error's code, never by its text, and puts it in a line that a tenant may read: nothing of
 * our network in it.
 */
export function describeFailure(error: unknown): {errorClass: FailureClass; text: string} {
	const code = codeOf(error);
	const {errorClass, text} = isUnreadable(error) ? UNREADABLE : describeCode(code);
	return {errorClass, text: code === '' ? text : `${text} (${code})`};
}

function describeCode(code: string): {errorClass: FailureClass; text: string} {
	const errorClass =
		CLASS_BY_CODE.get(code) ?? CLASS_BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'other';
	return {errorClass, text: TEXT_BY_CLASS[errorClass]};
}

/** By class: undici's parser says no code. */
function isUnreadable(error: unknown): boolean {
	return error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError;
}

function codeOf(error: unknown): string {
	return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
