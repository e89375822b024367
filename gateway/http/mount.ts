import type {Express, Request, RequestHandler, Response} from 'express';
import type {z} from 'zod';
import {access, targetOf, type TargetFinders} from './access.ts';
import {identityOf} from './authenticate.ts';
import {isForm} from './body-type.ts';
import {readFormValues} from './form-values.ts';
import {parse} from './parse.ts';
import type {Answer, Call, Route} from './route.ts';
import {sendContent} from './send-content.ts';
import {sendJson} from './send-json.ts';

/** What every route goes through: who is it (`authenticateOf`), how often (`limitOf`), and, once he may, what was sent (`bodyOf`). */
export interface Guards extends TargetFinders {
	readonly authenticateOf: (route: Route) => RequestHandler;
	/** By the route's class. */
	readonly limitOf: (route: Route) => RequestHandler;
	/** Reads the body, by what the route takes. */
	readonly bodyOf: (route: Route) => readonly RequestHandler[];
}

/** Puts a route into the app, behind its guards. */
export function mount(app: Express, route: Route, guards: Guards): void {
	const register = route.method.toLowerCase() as Lowercase<Route['method']>;
	const before = [guards.authenticateOf(route), guards.limitOf(route), access(route, guards), ...guards.bodyOf(route)];
	app[register](`/api${route.path}`, ...before, async (request: Request, response: Response) => {
		await send(await route.handle(toCall(route, request, response)), request, response);
	});
}

/** @throws {ValidationError} */
function toCall(route: Route, request: Request, response: Response): Call {
	const identity = identityOf(response);
	return {
		identity,
		user: identity.user,
		target: targetOf(response),
		param: (name) => String(request.params[name] ?? ''),
		header: (name) => request.get(name),
		address: request.ip ?? null,
		query: route.query === undefined ? {} : parse(route.query, lastValues(request.query)),
		body: route.body === undefined ? {} : parse(route.body, bodyOf(request, route.body), route.faults),
		method: request.method,
		// Few routes ask for it.
		get signal() {
			return untilClosed(response);
		},
	};
}

function bodyOf(request: Request, schema: z.ZodObject): unknown {
	const body: unknown = request.body;
	return isForm(request) ? readFormValues(schema, body) : body;
}

/** Of a parameter that is there twice, the last one counts; one that is empty counts as absent. */
function lastValues(query: Request['query']): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(query)
			.map(([name, value]): readonly [string, unknown] => [name, Array.isArray(value) ? value.at(-1) : value])
			.filter(([, value]) => value !== ''),
	);
}

function untilClosed(response: Response): AbortSignal {
	const closed = new AbortController();
	const close = (): void => {
		closed.abort();
	};
	if (response.closed) close();
	else response.once('close', close);
	return closed.signal;
}

async function send(
	{status, body, content, headers = {}}: Answer,
	request: Request,
	response: Response,
): Promise<void> {
	// Opened before anything is said of it: what fails now is an error of its own.
	const source = content === undefined || request.method === 'HEAD' ? undefined : await content();
	response.status(status);
	// Not by express, which would add a charset to the types of other people's files.
	response.setHeaders(new Map(Object.entries({'Cache-Control': 'no-store', ...headers})));
	if (source !== undefined) {
		await sendContent(source, response);
	} else if (body === undefined) {
		response.end();
	} else {
		sendJson(response, status, body);
	}
}
