import type {Request, RequestHandler, Response} from 'express';
import type {Connections} from '../../domain/connections/connections.ts';
import {ForbiddenError} from '../../domain/errors.ts';
import type {EventLog} from '../../domain/events/event-log.ts';
import type {Jobs} from '../../domain/jobs/jobs.ts';
import {allowsConnection, allowsScope} from '../../domain/tokens/grants.ts';
import type {Deliveries} from '../../domain/webhooks/deliveries.ts';
import type {Webhooks} from '../../domain/webhooks/webhooks.ts';
import {identityOf} from './authenticate.ts';
import type {Route, TargetKind, Targets} from './route.ts';

/** Where targets are found; all of them throw 404 for what does not exist and 403 for what is somebody else's. */
export interface TargetFinders {
	readonly connections: Pick<Connections, 'get'>;
	readonly webhooks: Pick<Webhooks, 'get'>;
	readonly deliveries: Pick<Deliveries, 'get' | 'connectionOf'>;
	readonly jobs: Pick<Jobs, 'get'>;
	readonly events: Pick<EventLog, 'get'>;
}

/** Finds what a route acts on and lets pass who may: the one place that decides it, by what the route says of itself. */
export function access({target, scope}: Route, finders: TargetFinders): RequestHandler {
	return async (request: Request, response: Response, next) => {
		const {grants, user} = identityOf(response);
		if (!allowsScope(grants, scope)) {
			throw new ForbiddenError(`This token lacks the scope "${scope}": create one that has it with POST /api/tokens`);
		}
		if (target === 'admin' && !user.isAdmin) {
			throw new ForbiddenError('Admin access required');
		}
		const found = await find(target, user.id, String(request.params['id'] ?? ''), finders);
		// What a token for the whole account may touch need not be asked.
		const isLimited = target !== 'self' && grants.connectionIds !== null;
		if (isLimited && !allowsConnection(grants, await connectionIdOf(found, finders))) {
			throw new ForbiddenError('This token is for certain connections only, and this is not one of them');
		}
		response.locals['target'] = found;
		next();
	};
}

/** What the route acts on, in a handler behind `access`. */
export function targetOf(response: Response): Targets[TargetKind] {
	return response.locals['target'] as Targets[TargetKind];
}

function find(
	target: TargetKind,
	userId: string,
	id: string,
	{connections, webhooks, deliveries, jobs, events}: TargetFinders,
): Promise<Targets[TargetKind]> {
	switch (target) {
		case 'connection':
			return connections.get(userId, id);
		case 'webhook':
			return webhooks.get(userId, id);
		case 'delivery':
			return deliveries.get(userId, id);
		case 'job':
			return jobs.get(userId, id);
		case 'event':
			return events.get(userId, id);
		case 'self':
		case 'account':
		case 'admin':
			return Promise.resolve(undefined);
	}
}

/** Null for the whole account, and for what belongs to no connection. */
function connectionIdOf(
	found: Targets[TargetKind],
	{deliveries}: Pick<TargetFinders, 'deliveries'>,
): string | null | Promise<string | null> {
	if (found === undefined) return null;
	if ('sessionName' in found) return found.id;
	return 'attempts' in found ? deliveries.connectionOf(found) : found.connectionId;
}
