import {CHAT_ROUTES} from './fake-waha-chat-routes.ts';
import {
	FakeException,
	refusal,
	type FakeAnswer,
	type FakeRequest,
	type FakeRoute,
	type FakeWorld,
} from './fake-waha-http.ts';
import type {FakeEngine} from './fake-waha-content.ts';
import {MESSAGE_ROUTES} from './fake-waha-message-routes.ts';
import {SEND_ROUTES} from './fake-waha-send-routes.ts';
import {SESSION_ROUTES} from './fake-waha-session-routes.ts';
import {environmentOf} from './fake-waha-session.ts';

const ROUTES: readonly FakeRoute[] = [...SESSION_ROUTES, ...SEND_ROUTES, ...MESSAGE_ROUTES, ...CHAT_ROUTES];

/** 50 MB, as its body parser reads it. */
const MAX_BODY_CHARACTERS = 50 * 1024 * 1024;

/** What WAHA answers, and does. */
export async function answerTo(world: FakeWorld, request: FakeRequest): Promise<FakeAnswer> {
	if (JSON.stringify(request.body).length > MAX_BODY_CHARACTERS) throw new FakeException('request entity too large');
	for (const {method, path, handle} of ROUTES) {
		const match = method === request.method ? path.exec(request.path) : null;
		if (match !== null) return handle(world, request, ...match.slice(1).map(decodeURIComponent));
	}
	return refusal(404, `Cannot ${request.method} ${request.path}`, 'Not Found');
}

/** The 500 of WAHA: it repeats the whole request, and shows a stack. */
export function exceptionBody(request: FakeRequest, message: string, engine: FakeEngine): object {
	const {path, method, body, query} = request;
	return {
		statusCode: 500,
		timestamp: new Date().toISOString(),
		exception: {message, name: 'Error', stack: `Error: ${message}\n    at /app/dist/core/session.js:1:1`},
		request: {path, method, body, query: Object.fromEntries(query)},
		version: environmentOf(engine),
	};
}
