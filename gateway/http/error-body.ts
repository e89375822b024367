import {STATUS_CODES} from 'node:http';
import {ValidationError, type DomainError, type ErrorCode} from '../../domain/errors.ts';
import {ERROR_CATALOGUE} from './error-catalogue.ts';

/** The body of every error, of whatever kind. */
export interface ErrorBody {
	/** Says what to do; several texts where clients expect them (webhooks). */
	readonly message: string | readonly string[];
	/** The status in words. */
	readonly error: string;
	readonly statusCode: number;
	readonly code: ErrorCode;
	readonly requestId: string;
	/** Whether the same request may succeed later without any change. */
	readonly retryable: boolean;
	/** Where the code is explained. */
	readonly docs: string;
	/** Tells programs which of a code's causes it is, where it has several. */
	readonly reason?: string;
}

/**
 * @param failure undefined = a defect of ours, of which nothing is told
 * @param publicUrl without a trailing slash
 */
export function toErrorBody(
	failure: DomainError | undefined,
	{requestId, publicUrl}: {requestId: string; publicUrl: string},
): ErrorBody {
	const code = failure?.code ?? 'INTERNAL';
	const {status} = ERROR_CATALOGUE[code];
	return {
		message: messageOf(failure),
		error: STATUS_CODES[status] ?? 'Error',
		statusCode: status,
		code,
		requestId,
		retryable: failure?.retryable ?? false,
		docs: docsOf(code, publicUrl),
		...(failure?.reason !== undefined && {reason: failure.reason}),
	};
}

/** The address of the page that explains a code. */
export function docsOf(code: ErrorCode, publicUrl: string): string {
	return `${publicUrl}/docs/errors#${code}`;
}

function messageOf(failure: DomainError | undefined): string | readonly string[] {
	if (failure === undefined) {
		return ERROR_CATALOGUE.INTERNAL.example;
	}
	return failure instanceof ValidationError ? failure.messages : failure.message;
}
