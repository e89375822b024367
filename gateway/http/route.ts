import type {User} from '../../domain/tokens/token.ts';

/** One operation of the REST surface, for a caller who is known. Routes only read, call a use case and present. */
export interface Route {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Under `/api`, with `:name` for parameters. */
	readonly path: string;
	readonly handle: (call: Call) => Promise<Answer>;
}

/** What a caller sent. */
export interface Call {
	readonly user: User;
	/** A path parameter, decoded. */
	readonly param: (name: string) => string;
	readonly header: (name: string) => string | undefined;
	readonly query: Readonly<Record<string, unknown>>;
	/** The parsed body, unchecked; undefined when there was none. */
	readonly body: unknown;
}

/** What the caller gets. */
export interface Answer {
	readonly status: 200 | 201 | 202;
	/** Sent as JSON; undefined sends nothing at all (Content-Length 0). */
	readonly body: unknown;
	readonly headers?: Readonly<Record<string, string>>;
}

export function ok(body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
	return {status: 200, body, headers};
}

/** Every POST answers 201: clients of the contract expect it. */
export function created(body: unknown): Answer {
	return {status: 201, body};
}
