import type {Request, RequestHandler, Response} from 'express';
import {UnauthenticatedError} from '../../domain/errors.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import {readHandshake} from '../ws/handshake.ts';

/** The scheme's name has no case (RFC 9110 §11.1). */
const BEARER = /^Bearer +(\S+)$/i;

/**
 * Lets a request pass that carries valid credentials; `findIdentity` then tells whose it is.
 * @param limitFailures counts a failed attempt against its address, and fails once there were too many
 */
export function authenticate({
	authenticator,
	limitFailures,
	readCredentials,
}: {
	authenticator: Pick<Authenticator, 'authenticate'>;
	limitFailures: RequestHandler;
	readCredentials: (request: Request) => string;
}): RequestHandler {
	return async (request, response, next) => {
		try {
			response.locals['identity'] = await authenticator.authenticate(readCredentials(request));
		} catch (error) {
			if (!(error instanceof UnauthenticatedError)) throw error;
			response.setHeader('WWW-Authenticate', 'Bearer');
			await limitFailures(request, response, (limited?: unknown) => {
				next(limited ?? error);
			});
			return;
		}
		next();
	};
}

/** Who is calling; undefined before (or without) successful authentication. */
export function findIdentity(response: Response): Identity | undefined {
	return response.locals['identity'] as Identity | undefined;
}

/** Who is calling, in a route behind `authenticate`. */
export function identityOf(response: Response): Identity {
	const identity = findIdentity(response);
	if (identity === undefined) {
		throw new Error('a route asks who is calling, but is not behind authenticate');
	}
	return identity;
}

/** `Authorization: Bearer …`. @throws {UnauthenticatedError} with the contract's wording */
export function bearerToken(request: Request): string {
	const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
	if (token === undefined) {
		throw new UnauthenticatedError('Missing or invalid Authorization header');
	}
	return token;
}

/** Also `?token=` and `?ticket=`, for those who cannot set headers: browsers, for an EventSource. @throws {UnauthenticatedError} */
export function queryOrBearerToken(request: Request): string {
	const {credentials} = readHandshake(request);
	if (credentials === undefined) {
		throw new UnauthenticatedError('Missing or invalid Authorization header');
	}
	return credentials;
}
