import type {NextFunction, Request, Response} from 'express';
import {RouteNotFoundError} from './http-errors.ts';

/** Behind all routes: no other one took the request. */
export function routeNotFound(request: Request, _response: Response, next: NextFunction): void {
	next(new RouteNotFoundError(request.method, request.path));
}
