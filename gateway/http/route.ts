import type {z} from 'zod';
import type {Connection} from '../../domain/connections/connection.ts';
import type {ErrorCode} from '../../domain/errors.ts';
import type {Job} from '../../domain/jobs/job.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import type {Scope} from '../../domain/tokens/grants.ts';
import type {User} from '../../domain/tokens/token.ts';
import type {Delivery} from '../../domain/webhooks/delivery.ts';
import type {Webhook} from '../../domain/webhooks/webhook.ts';

/**
 * What a route acts on. It is found (`:id`), and checked against its owner and against what the caller's token may do, before
 * anything of the body is read.
 * - `self`: whatever the caller may see of his own; the handler narrows it down by the caller's grants
 * - `account`: the account as a whole; a token for certain connections has no say in it
 * - `admin`: the whole installation; administrators only
 */
export interface Targets {
	readonly self: undefined;
	readonly account: undefined;
	readonly admin: undefined;
	readonly connection: Connection;
	readonly webhook: Webhook;
	readonly delivery: Delivery;
	readonly job: Job;
	readonly event: LoggedEvent;
}

export type TargetKind = keyof Targets;

/** What a caller sent, checked. */
export interface Call<
	Kind extends TargetKind = TargetKind,
	Query = Record<string, unknown>,
	Body = Record<string, unknown>,
> {
	readonly identity: Identity;
	readonly user: User;
	readonly target: Targets[Kind];
	/** A path parameter, decoded. */
	readonly param: (name: string) => string;
	readonly header: (name: string) => string | undefined;
	/** Where the caller is, as far as proxies can be trusted. */
	readonly address: string | null;
	readonly query: Query;
	readonly body: Body;
	/** HEAD too, where the route is a GET. */
	readonly method: string;
	/** Aborted when the answer is complete, and when the client goes away before. */
	readonly signal: AbortSignal;
}

/** What the caller gets: JSON, bytes, or nothing at all (Content-Length 0). */
export interface Answer {
	readonly status: 200 | 201 | 202 | 206 | 304;
	/** Sent as JSON. */
	readonly body?: unknown;
	/** Opened only when somebody reads them: a HEAD request does not. */
	readonly content?: () => Promise<AsyncIterable<Uint8Array>>;
	readonly headers?: Readonly<Record<string, string>>;
}

/** How a route is told to people; the OpenAPI document is made of it. */
export interface RouteDocumentation {
	/** Unique, in camelCase; SDKs are generated from it. */
	readonly id: string;
	readonly tag:
		| 'Connections'
		| 'Messages'
		| 'Presence'
		| 'Chats'
		| 'Media'
		| 'Webhooks'
		| 'Events'
		| 'Tokens'
		| 'Billing'
		| 'Account'
		| 'Admin'
		| 'Simulator';
	/** One line. */
	readonly summary: string;
	/** Markdown: what one must know to use it. */
	readonly description?: string;
	/** What each path parameter is, with an example. `:id` need not be said. */
	readonly params?: Readonly<Record<string, {readonly description: string; readonly example: string}>>;
	readonly answer: {
		readonly status: 200 | 201 | 202;
		readonly description: string;
		/** JSON; absent = see `binary`, or an empty body. */
		readonly schema?: z.ZodType;
		readonly example?: unknown;
		/** Answers bytes instead of JSON. */
		readonly binary?: boolean;
		/** An example of the answer as a table, where it can be had as one (`Accept: text/csv`). */
		readonly csv?: string;
		/** Answers Server-Sent Events, without end. */
		readonly stream?: boolean;
	};
	/** May answer 202 when the outcome takes too long, or at once when asked to (`Prefer: respond-async`). */
	readonly queued?: boolean;
	/** Takes `Idempotency-Key`. */
	readonly idempotent?: boolean;
	/** An example of the body, complete; required when there is a body. */
	readonly body?: unknown;
	/** What can go wrong beside what can on every route (authentication, limits, validation, ownership, our own outages). */
	readonly errors?: readonly ErrorCode[];
}

/** One operation of the REST surface, for a caller who is known. Routes only read, call a use case and present. */
export interface RouteDefinition<
	Kind extends TargetKind = TargetKind,
	Query extends z.ZodObject = z.ZodObject,
	Body extends z.ZodObject = z.ZodObject,
> {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Under `/api`, with `:name` for parameters. */
	readonly path: string;
	readonly target: Kind;
	/** What a token must be allowed; also the class of its rate limit. */
	readonly scope: Scope;
	/** Takes the caller's token, or a ticket, from the query too. */
	readonly credentialsInQuery?: boolean;
	/** Absent = the query is ignored. */
	readonly query?: Query;
	/** Absent = the body is ignored. */
	readonly body?: Body;
	/** How several faults are told: one text, or the array that webhook clients expect. Default text. */
	readonly faults?: 'text' | 'array';
	/**
	 * Fields of the body that carry a file in base64. They are streamed to the media store while the body is read, and the handler
	 * finds an `Upload` in their place; the body may then have 50 MB.
	 */
	readonly uploads?: readonly string[];
	readonly documentation: RouteDocumentation;
	// A method, so that routes of all kinds fit one list.
	handle(call: Call<Kind, z.output<Query>, z.output<Body>>): Promise<Answer>;
}

/** A route of whatever kind. */
export type Route = RouteDefinition;

/** Types the handler by the schemas of the same object. */
export function route<
	Kind extends TargetKind,
	Query extends z.ZodObject = z.ZodObject<Record<string, never>>,
	Body extends z.ZodObject = z.ZodObject<Record<string, never>>,
>(definition: RouteDefinition<Kind, Query, Body>): Route {
	return definition;
}

/** 200 with JSON; `undefined` is an empty body. */
export function ok(body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
	return {status: 200, body, headers};
}

/** Every POST answers 201, unless it only begins something: clients of the contract expect it. */
export function created(body: unknown): Answer {
	return {status: 201, body};
}

/** What was asked for goes on behind the answer. */
export function accepted(body: unknown): Answer {
	return {status: 202, body};
}
