import {randomUUID} from 'node:crypto';
import type {Request, RequestHandler, Response} from 'express';
import type {ScopedLogger} from '../../domain/ports/logger.ts';

const HEADER = 'X-Request-Id';

/** A caller's own id is taken when it is harmless in logs and headers. */
const SANE_ID = /^[\w.:/+=-]{1,128}$/;

/** The id of this request: the caller's `X-Request-Id`, else a new one. From the first call on it is on the answer. */
export function requestIdOf(request: Request, response: Response): string {
	const known: unknown = response.locals['requestId'];
	if (typeof known === 'string') {
		return known;
	}
	const sent = request.get(HEADER);
	const id = sent !== undefined && SANE_ID.test(sent) ? sent : randomUUID();
	response.locals['requestId'] = id;
	if (!response.headersSent) {
		response.setHeader(HEADER, id);
	}
	return id;
}

/** Puts the request's id on the answer, whatever comes of it, and on every line that is logged for it. */
export function requestId(log: ScopedLogger): RequestHandler {
	return (request, response, next) => {
		log.within({requestId: requestIdOf(request, response)}, next);
	};
}
