import {STATUS_CODES} from 'node:http';
import {z} from 'zod';
import {ERROR_CODES, ValidationError, type ErrorCode} from '../../../domain/errors.ts';
import {docsOf, type ErrorBody} from '../error-body.ts';
import {ERROR_CATALOGUE} from '../error-catalogue.ts';
import {parse} from '../parse.ts';
import type {Route} from '../route.ts';

/** The shape of every error. */
export const ErrorResource = z
	.object({
		message: z.union([z.string(), z.array(z.string())]).meta({description: 'Says what to do'}),
		error: z.string().meta({description: 'The status in words'}),
		statusCode: z.int(),
		code: z.enum(ERROR_CODES).meta({description: 'For programs; explained at `docs`'}),
		requestId: z.string().meta({description: 'The log has it too'}),
		retryable: z.boolean().meta({description: 'Whether the same request may succeed later without any change'}),
		docs: z.string().meta({description: 'Where the code is explained'}),
		reason: z.string().exactOptional().meta({description: 'Which of its causes it is, where a code has several'}),
	})
	.meta({id: 'Error'});

const ON_EVERY_ROUTE: readonly ErrorCode[] = [
	'UNAUTHENTICATED',
	'FORBIDDEN',
	'RATE_LIMITED',
	'INTERNAL',
	'STORE_UNAVAILABLE',
	'SIGN_IN_UNAVAILABLE',
];

/** Every code that a route may answer: its own, and what can go wrong on each of its kind. */
export function errorsOf({method, path, query, body, documentation}: Route): readonly ErrorCode[] {
	const codes = new Set(ON_EVERY_ROUTE);
	const add = (condition: boolean, ...more: readonly ErrorCode[]): void => {
		if (condition) for (const code of more) codes.add(code);
	};
	// A path may be encoded wrongly.
	add(path.includes(':') || query !== undefined || body !== undefined, 'VALIDATION_FAILED');
	add(path.includes(':'), 'NOT_FOUND');
	add(body !== undefined, 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
	add(method !== 'GET', 'BROKER_UNAVAILABLE');
	add(true, ...(documentation.errors ?? []));
	return ERROR_CODES.filter((code) => codes.has(code));
}

/** An error as it is answered; the message is the catalogue's unless another is given. */
export function errorExample(code: ErrorCode, publicUrl: string, message?: string | readonly string[]): ErrorBody {
	const {status, retryable, example} = ERROR_CATALOGUE[code];
	return {
		message: message ?? example,
		error: STATUS_CODES[status] ?? 'Error',
		statusCode: status,
		code,
		requestId: '0d8e6f2b-7c15-4c60-9a41-3f1c2a9e5b7d',
		retryable,
		docs: docsOf(code, publicUrl),
	};
}

/** What a route says of a request that lacks something or has it wrong; undefined when it takes anything. */
export function faultExample({query, body, faults}: Route): string | readonly string[] | undefined {
	for (const schema of [body, query]) {
		if (schema === undefined) continue;
		const wrong = Object.keys(schema.shape).map((name) => ({[name]: {}}));
		for (const input of [{}, ...wrong]) {
			try {
				parse(schema, input, schema === body ? faults : 'text');
			} catch (error) {
				if (!(error instanceof ValidationError)) throw error;
				return error.messages;
			}
		}
	}
	return undefined;
}
