import type {RequestHandler} from 'express';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {findIdentity} from './authenticate.ts';
import {requestIdOf} from './request-id.ts';

/** One line per answered request, for debugging. The query stays out: it may carry a token. */
export function accessLog({clock, log}: {clock: Clock; log: Logger}): RequestHandler {
	return (request, response, next) => {
		const startedAtMs = clock.now();
		const {method, path} = request;
		response.once('finish', () => {
			const fields = {
				requestId: requestIdOf(request, response),
				method,
				path,
				status: response.statusCode,
				durationMs: clock.now() - startedAtMs,
				tokenId: findIdentity(response)?.tokenId,
			};
			log.debug(fields, 'http.answered');
		});
		next();
	};
}
