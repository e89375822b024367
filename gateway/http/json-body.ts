import express, {type NextFunction, type Request, type RequestHandler, type Response} from 'express';
import {UnsupportedMediaTypeError} from './http-errors.ts';

/**
 * Reads a body into `request.body`: JSON (also without a content type) or a form. Every client sends a JSON content type on every
 * request, so that an empty body is no fault: it counts as `{}`.
 * @param limitBytes larger bodies are answered 413
 */
export function jsonBody(limitBytes: number): readonly RequestHandler[] {
	return [
		express.json({limit: limitBytes, strict: false, type: isJson}),
		express.urlencoded({limit: limitBytes, extended: true}),
		refuseOtherTypes,
	];
}

function isJson(request: {readonly headers: Request['headers']}): boolean {
	const type = request.headers['content-type'];
	return type === undefined || /^\s*application\/([\w.-]+\+)?json\s*(;|$)/i.test(type);
}

function refuseOtherTypes(request: Request, _response: Response, next: NextFunction): void {
	if (request.body === undefined && hasBody(request)) {
		next(new UnsupportedMediaTypeError('The body must be JSON: send it with Content-Type: application/json'));
		return;
	}
	next();
}

function hasBody({headers}: Request): boolean {
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
