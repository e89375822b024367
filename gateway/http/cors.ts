import type {NextFunction, Request, Response} from 'express';

const METHODS = 'GET,HEAD,PUT,PATCH,POST,DELETE';

/** What a script of another origin may read beside the body. */
const EXPOSED = [
	'Accept-Ranges',
	'Content-Disposition',
	'Content-Range',
	'ETag',
	'Link',
	'Retry-After',
	'X-Request-Id',
	'X-RateLimit-Limit',
	'X-RateLimit-Remaining',
	'X-RateLimit-Reset',
].join(',');

/** Any origin may call: what authenticates is a header, never a cookie. Answers every preflight with 204. */
export function cors(request: Request, response: Response, next: NextFunction): void {
	response.setHeader('Access-Control-Allow-Origin', '*');
	if (request.method !== 'OPTIONS') {
		response.setHeader('Access-Control-Expose-Headers', EXPOSED);
		next();
		return;
	}
	response.setHeader('Access-Control-Allow-Methods', METHODS);
	response.setHeader('Vary', 'Access-Control-Request-Headers');
	const requested = request.get('Access-Control-Request-Headers');
	if (requested !== undefined) {
		response.setHeader('Access-Control-Allow-Headers', requested);
	}
	response.setHeader('Content-Length', '0');
	response.status(204).end();
}
