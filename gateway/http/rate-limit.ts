import type {Request, RequestHandler, Response} from 'express';
import {ipKeyGenerator, rateLimit, type RateLimitInfo, type Store} from 'express-rate-limit';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Scope} from '../../domain/tokens/grants.ts';
import {findIdentity} from './authenticate.ts';
import {RateLimitedError} from './http-errors.ts';

/** Requests per minute, token and route, by the scope that the route needs; `unauthenticated`: failed attempts per address. */
export type RateLimits = Readonly<Record<Scope | 'unauthenticated', number>>;

/** The contract's fixed window. */
export const WINDOW_MS = 60_000;

/** What failed attempts are counted by, before the address. */
export const FAILURES = 'address';

/**
 * Counts requests in fixed windows of a minute: each token has a budget of its own per route, so that polling one route never
 * starves another. Where there is no caller (authentication failed) the address is counted instead.
 * @param perMinute the budget
 * @param store counts for several processes together; default: this process alone. While it fails, nothing is limited.
 */
export function createRateLimit({
	perMinute,
	store,
	log,
}: {
	perMinute: number;
	store?: Store | undefined;
	log: Logger;
}): RequestHandler {
	const count = rateLimit({
		windowMs: WINDOW_MS,
		limit: perMinute,
		...(store !== undefined && {store}),
		keyGenerator: keyOf,
		// Its X-RateLimit-Reset is a date; the contract's is seconds from now.
		legacyHeaders: false,
		standardHeaders: false,
		passOnStoreError: true,
		logger: {
			error: (error, message) => {
				log.error({error, message}, 'rateLimit.failed');
			},
			warn: (error, message) => {
				log.warn({error, message}, 'rateLimit.warned');
			},
		},
		// They check configurations that come from elsewhere; this one is fixed and tested.
		validate: false,
		handler: (request, _response, next) => {
			next(new RateLimitedError(millisecondsLeft(budgetOf(request))));
		},
	});
	return (request, response, next) => {
		void count(request, response, (error?: unknown) => {
			showBudget(budgetOf(request), response);
			next(error);
		});
	};
}

function keyOf(request: Request, response: Response): string {
	const identity = findIdentity(response);
	if (identity === undefined) {
		return `${FAILURES} ${ipKeyGenerator(request.ip ?? '')}`;
	}
	const route = request.route as {readonly path: string};
	// HEAD is a GET that says less.
	const method = request.method === 'HEAD' ? 'GET' : request.method;
	return `${identity.callerId} ${method} ${route.path}`;
}

/** Where express-rate-limit leaves its count; undefined when its store failed. */
function budgetOf(request: Request): RateLimitInfo | undefined {
	return (request as Request & {readonly rateLimit?: RateLimitInfo}).rateLimit;
}

function millisecondsLeft(budget: RateLimitInfo | undefined): number {
	return Math.max(0, (budget?.resetTime?.getTime() ?? Date.now() + WINDOW_MS) - Date.now());
}

function showBudget(budget: RateLimitInfo | undefined, response: Response): void {
	if (budget !== undefined) {
		response.setHeader('X-RateLimit-Limit', String(budget.limit));
		response.setHeader('X-RateLimit-Remaining', String(budget.remaining));
		response.setHeader('X-RateLimit-Reset', String(Math.ceil(millisecondsLeft(budget) / 1000)));
	}
}
