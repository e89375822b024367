import express, {type NextFunction, type Request, type RequestHandler, type Response} from 'express';
import {hasBody, isJson} from './body-type.ts';
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

/** Comes after whoever reads bodies. */
export function refuseOtherTypes(request: Request, _response: Response, next: NextFunction): void {
	if (request.body === undefined && hasBody(request)) {
		next(new UnsupportedMediaTypeError('The body must be JSON: send it with Content-Type: application/json'));
		return;
	}
	next();
}
