import {toBuffer} from 'qrcode';
import {
	created,
	FakeException,
	notFound,
	ok,
	refusal,
	unprocessable,
	withStatus,
	type FakeAnswer,
	type FakeRequest,
	type FakeRoute,
	type FakeWorld,
} from './fake-waha-http.ts';
import {environmentOf, type FakeSessionConfig, type FakeWahaSession} from './fake-waha-session.ts';

const NAME = /^[a-zA-Z0-9_-]{0,54}$/;

/** Servers, sessions and pairing. */
export const SESSION_ROUTES: readonly FakeRoute[] = [
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
		handle: (world: FakeWorld, _request: FakeRequest, name = ''): FakeAnswer =>
			withSession(world, name, ({info}) => ok({...info, engine: {engine: world.engine}})),
	},
	{
		method: 'PUT',
		path: /^\/api\/sessions\/([^/]+)$/,
		handle: (world: FakeWorld, {body}: FakeRequest, name = ''): FakeAnswer =>
			withSession(world, name, (session) => {
				session.config = (body['config'] ?? null) as FakeSessionConfig | null;
				if (session.isRunning) session.restart();
				return ok(session.info);
			}),
	},
	{
		method: 'DELETE',
		path: /^\/api\/sessions\/([^/]+)$/,
		handle: ({sessions}: FakeWorld, _request: FakeRequest, name = ''): FakeAnswer => {
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
		handle: ({sessions}: FakeWorld, _request: FakeRequest, name = ''): FakeAnswer => {
			const session = sessions.get(name);
			session?.stop();
			return session === undefined ? {status: 201} : created(session.info);
		},
	},
	{
		method: 'GET',
		path: /^\/api\/sessions\/([^/]+)\/me$/,
		handle: ({sessions}: FakeWorld, _request: FakeRequest, name = ''): FakeAnswer => {
			const session = sessions.get(name);
			if (!session?.isRunning) return notFound();
			return session.me === null ? {status: 200} : ok(session.me);
		},
	},
	{method: 'GET', path: /^\/api\/([^/]+)\/auth\/qr$/, handle: showQr},
	{method: 'POST', path: /^\/api\/([^/]+)\/auth\/request-code$/, handle: requestCode},
];

function createSession(world: FakeWorld, {body}: FakeRequest): FakeAnswer {
	const {name, start, config} = body as {name: string; start?: boolean; config?: FakeSessionConfig};
	if (!NAME.test(name)) {
		return refusal(400, ['name must match /^[a-zA-Z0-9_-]*$/ regular expression'], 'Bad Request');
	}
	if (world.sessions.has(name)) {
		return unprocessable(`Session '${name}' already exists. Use PUT to update it.`);
	}
	const session = world.create(name, config ?? null);
	// The documented default is true; the source has it otherwise.
	if (start === true) session.start();
	return created(session.info);
}

async function showQr(world: FakeWorld, {query, headers}: FakeRequest, name = ''): Promise<FakeAnswer> {
	return withStatus(world, name, 'SCAN_QR_CODE', async ({qr}) => {
		if (query.get('format') === 'raw') return ok({value: qr});
		const png = await toBuffer(qr);
		return ok(headers.accept === 'application/json' ? {mimetype: 'image/png', data: png.toString('base64')} : png);
	});
}

function requestCode({sessions, engine}: FakeWorld, {body}: FakeRequest, name = ''): FakeAnswer {
	const session = sessions.get(name);
	if (!session?.isRunning) return notFound();
	if (session.status !== 'SCAN_QR_CODE' && engine !== 'WEBJS') {
		return unprocessable(`Can request code only in SCAN_QR_CODE status. The current status is ${session.status}`);
	}
	if (typeof body['phoneNumber'] !== 'string' || !/^\d+$/.test(body['phoneNumber'])) {
		throw new FakeException('phoneNumber must be digits');
	}
	return created({code: session.pairingCode});
}

function control(change: (session: FakeWahaSession) => void): FakeRoute['handle'] {
	return (world, _request, name = '') =>
		withSession(world, name, (session) => {
			change(session);
			return created(session.info);
		});
}

function withSession(world: FakeWorld, name: string, handle: (session: FakeWahaSession) => FakeAnswer): FakeAnswer {
	const session = world.sessions.get(name);
	return session === undefined ? notFound() : handle(session);
}
