import {setTimeout as sleep} from 'node:timers/promises';
import {toBuffer} from 'qrcode';
import type {IncomingHttpHeaders} from 'node:http';
import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import {FakeSentMessage, type FakeEngine, type FakeSendText} from './fake-waha-messages.ts';
import {environmentOf, type FakeSessionConfig, type FakeWahaSession} from './fake-waha-session.ts';

/** A request that the fake got. */
export interface FakeRequest {
	readonly method: string;
	/** Without the query. */
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
	/** `{}` when there was none. */
	readonly body: Readonly<Record<string, unknown>>;
}

/** An object goes out as JSON, bytes as a picture; without a body nothing goes out. */
export interface FakeAnswer {
	readonly status: number;
	readonly body?: object;
}

/** What the routes work on. */
export interface FakeWorld {
	readonly engine: FakeEngine;
	readonly startedAtMs: number;
	readonly ackMs: number;
	readonly sessions: Map<string, FakeWahaSession>;
	create(name: string, config: FakeSessionConfig | null): FakeWahaSession;
}

interface Route {
	readonly method: string;
	/** The first group is the session's name. */
	readonly path: RegExp;
	readonly handle: (world: FakeWorld, request: FakeRequest, session: string) => FakeAnswer | Promise<FakeAnswer>;
}

const NAME = /^[a-zA-Z0-9_-]{0,54}$/;

const ROUTES: readonly Route[] = [
	{method: 'GET', path: /^\/ping$/, handle: () => ok({message: 'pong'})},
	{method: 'GET', path: /^\/api\/server\/version$/, handle: ({engine}) => ok(environmentOf(engine))},
	{
		method: 'GET',
		path: /^\/api\/server\/status$/,
		handle: ({startedAtMs}) =>
			ok({startTimestamp: startedAtMs, uptime: Date.now() - startedAtMs, worker: {id: 'waha-1'}}),
	},
	{method: 'POST', path: /^\/api\/sessions$/, handle: createSession},
	{
		method: 'GET',
		path: /^\/api\/sessions$/,
		handle: ({sessions}, {query}) =>
			ok([...sessions.values()].filter((one) => query.get('all') === 'true' || one.isRunning).map(({info}) => info)),
	},
	{
		method: 'GET',
		path: /^\/api\/sessions\/([^/]+)$/,
		handle: (world, _request, name) =>
			withSession(world, name, ({info}) => ok({...info, engine: {engine: world.engine}})),
	},
	{
		method: 'PUT',
		path: /^\/api\/sessions\/([^/]+)$/,
		handle: (world, {body}, name) =>
			withSession(world, name, (session) => {
				session.config = (body['config'] ?? null) as FakeSessionConfig | null;
				if (session.isRunning) session.restart();
				return ok(session.info);
			}),
	},
	{
		method: 'DELETE',
		path: /^\/api\/sessions\/([^/]+)$/,
		handle: ({sessions}, _request, name) => {
			sessions.get(name)?.stop();
			sessions.delete(name);
			return {status: 200};
		},
	},
	{
		method: 'POST',
		path: /^\/api\/sessions\/([^/]+)\/start$/,
		handle: control((session) => {
			session.start();
		}),
	},
	{
		method: 'POST',
		path: /^\/api\/sessions\/([^/]+)\/restart$/,
		handle: control((session) => {
			session.restart();
		}),
	},
	{
		method: 'POST',
		path: /^\/api\/sessions\/([^/]+)\/logout$/,
		handle: control((session) => {
			session.logout();
		}),
	},
	{
		method: 'POST',
		path: /^\/api\/sessions\/([^/]+)\/stop$/,
		// Does not care whether there is such a session.
		handle: ({sessions}, _request, name) => {
			const session = sessions.get(name);
			session?.stop();
			return session === undefined ? {status: 201} : created(session.info);
		},
	},
	{
		method: 'GET',
		path: /^\/api\/sessions\/([^/]+)\/me$/,
		handle: ({sessions}, _request, name) => {
			const session = sessions.get(name);
			if (!session?.isRunning) return notFound();
			return session.me === null ? {status: 200} : ok(session.me);
		},
	},
	{method: 'GET', path: /^\/api\/([^/]+)\/auth\/qr$/, handle: showQr},
	{method: 'POST', path: /^\/api\/sendText$/, handle: sendText},
];

/** What WAHA answers, and does. */
export async function answerTo(world: FakeWorld, request: FakeRequest): Promise<FakeAnswer> {
	for (const {method, path, handle} of ROUTES) {
		const match = method === request.method ? path.exec(request.path) : null;
		if (match !== null) return handle(world, request, decodeURIComponent(match[1] ?? ''));
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

function createSession(world: FakeWorld, {body}: FakeRequest): FakeAnswer {
	const {name, start, config} = body as {name: string; start?: boolean; config?: FakeSessionConfig};
	if (!NAME.test(name)) {
		return refusal(400, ['name must match /^[a-zA-Z0-9_-]*$/ regular expression'], 'Bad Request');
	}
	if (world.sessions.has(name)) {
		return refusal(422, `Session '${name}' already exists. Use PUT to update it.`, 'Unprocessable Entity');
	}
	const session = world.create(name, config ?? null);
	// The documented default is true; the source has it otherwise.
	if (start === true) session.start();
	return created(session.info);
}

async function showQr(world: FakeWorld, {query, headers}: FakeRequest, name: string): Promise<FakeAnswer> {
	return withStatus(world, name, 'SCAN_QR_CODE', async ({qr}) => {
		if (query.get('format') === 'raw') return ok({value: qr});
		const png = await toBuffer(qr);
		return ok(headers.accept === 'application/json' ? {mimetype: 'image/png', data: png.toString('base64')} : png);
	});
}

async function sendText(world: FakeWorld, {body}: FakeRequest): Promise<FakeAnswer> {
	const request = body as unknown as FakeSendText;
	return withStatus(world, request.session, 'WORKING', (session) => {
		const message = new FakeSentMessage({engine: world.engine, me: session.me?.['id'] ?? '', request});
		session.report('message.any', message.payload);
		void acknowledge(session, message, world.ackMs);
		return Promise.resolve(created(message.answer));
	});
}

/** One after the other: timers that are late would fire in any order. */
async function acknowledge(session: FakeWahaSession, message: FakeSentMessage, ackMs: number): Promise<void> {
	for (const ack of [1, 2, 3]) {
		await sleep(ackMs, undefined, {ref: false});
		session.report('message.ack', message.ack(ack));
	}
}

function control(change: (session: FakeWahaSession) => void): Route['handle'] {
	return (world, _request, name) =>
		withSession(world, name, (session) => {
			change(session);
			return created(session.info);
		});
}

function withSession(world: FakeWorld, name: string, handle: (session: FakeWahaSession) => FakeAnswer): FakeAnswer {
	const session = world.sessions.get(name);
	return session === undefined ? notFound() : handle(session);
}

/** Calls that work through a session wait for its status; their refusals have a shape of their own. */
async function withStatus(
	world: FakeWorld,
	name: string,
	expected: SessionStatus,
	handle: (session: FakeWahaSession) => Promise<FakeAnswer>,
): Promise<FakeAnswer> {
	const session = world.sessions.get(name);
	if (session === undefined) {
		return {status: 422, body: {error: `Session "${name}" does not exist`, session: name}};
	}
	if (await session.waitFor(expected)) {
		return handle(session);
	}
	const error = 'Session status is not as expected. Try again later or restart the session';
	return {status: 422, body: {error, session: name, status: session.status, expected: [expected]}};
}

function ok(body: object): FakeAnswer {
	return {status: 200, body};
}

function created(body: object): FakeAnswer {
	return {status: 201, body};
}

function notFound(): FakeAnswer {
	return refusal(404, 'Session not found', 'Not Found');
}

function refusal(statusCode: number, message: string | readonly string[], error: string): FakeAnswer {
	return {status: statusCode, body: {statusCode, message, error}};
}
