import test from 'ava';
import type {Store} from 'express-rate-limit';
import express from 'express';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {errorHandler} from '../../gateway/http/error-handler.ts';
import {createApp} from '../../gateway/http/app.ts';
import {createRateLimit} from '../../gateway/http/rate-limit.ts';
import {HttpServer} from '../../gateway/http/server.ts';
import {createGatewayHarness, PUBLIC_URL, type Tenant} from '../support/gateway-harness.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {StreamProbe} from '../support/stream-probe.ts';

const LIMIT = 5;
const gateway = await createGatewayHarness({rateLimitPerMinute: LIMIT, trustProxy: 1});

test.after.always(() => gateway[Symbol.asyncDispose]());

async function statuses(count: number, call: () => Promise<Response>): Promise<readonly number[]> {
	const responses: number[] = [];
	for (let index = 0; index < count; index++) responses.push((await call()).status);
	return responses;
}

const list = ({client}: Tenant): Promise<Response> => client.fetch('GET', '/connections');

test('trap 12: the limit is per route and caller, never one for all routes', async (t) => {
	const tenant = await gateway.createTenant();
	t.deepEqual(await statuses(LIMIT, () => list(tenant)), Array(LIMIT).fill(200));
	t.is((await list(tenant)).status, 429);
	t.is((await tenant.client.fetch('GET', '/tokens')).status, 200, 'another route');
	t.is((await tenant.client.fetch('POST', '/connections')).status, 201, 'another method of the same path');
	t.is((await list(await gateway.createTenant())).status, 200, 'another caller');
	const {token} = await tenant.client.call<{token: string}>('POST', '/tokens', {name: 'second'});
	const headers = {authorization: `Bearer ${token}`};
	t.is((await fetch(`${gateway.url}/api/connections`, {headers})).status, 200, 'another token of the same user');
});

test('all ids of a route share its budget', async (t) => {
	const {client} = await gateway.createTenant();
	let index = 0;
	const read = (): Promise<Response> => client.fetch('GET', `/connections/${String(index++)}`);
	t.deepEqual(await statuses(LIMIT + 1, read), [...Array<number>(LIMIT).fill(404), 429]);
});

test('every answer shows the budget; what is over it is told when to come back', async (t) => {
	const tenant = await gateway.createTenant();
	for (let remaining = LIMIT - 1; remaining >= 0; remaining--) {
		const {headers} = await list(tenant);
		t.is(headers.get('x-ratelimit-limit'), String(LIMIT));
		t.is(headers.get('x-ratelimit-remaining'), String(remaining));
		const reset = Number(headers.get('x-ratelimit-reset'));
		t.true(reset > 50 && reset <= 60, 'seconds until the window ends');
	}
	const refused = await list(tenant);
	t.is(refused.headers.get('x-ratelimit-remaining'), '0');
	const retryAfter = Number(refused.headers.get('retry-after'));
	t.true(retryAfter > 50 && retryAfter <= 60);
	t.deepEqual(await refused.json(), {
		message: 'ThrottlerException: Too Many Requests',
		error: 'Too Many Requests',
		statusCode: 429,
		code: 'RATE_LIMITED',
		requestId: refused.headers.get('x-request-id'),
		retryable: true,
		docs: `${PUBLIC_URL}/docs/errors#RATE_LIMITED`,
	});
});

test('a request that fails authentication counts against its address, and never against a caller from there', async (t) => {
	const tenant = await gateway.createTenant();
	const from = (address: string, token: string): Promise<Response> =>
		fetch(`${gateway.url}/api/connections`, {
			headers: {authorization: `Bearer ${token}`, 'x-forwarded-for': address},
		});
	const guess = (): Promise<Response> => from('203.0.113.7', 'wh_guess');
	t.deepEqual(await statuses(LIMIT + 1, guess), [...Array<number>(LIMIT).fill(401), 429]);
	const refused = await guess();
	t.true(refused.headers.has('retry-after'));
	t.is(((await refused.json()) as ErrorBody).code, 'RATE_LIMITED');
	t.is((await from('203.0.113.8', 'wh_guess')).status, 401, 'another address');
	t.is((await from('203.0.113.7', tenant.token)).status, 200, 'a valid token from the same address');
});

test('attempts to come into the live stream count in the same budget', async (t) => {
	const headers = {authorization: 'Bearer wh_guess', 'x-forwarded-for': '203.0.113.20'};
	for (let attempt = 1; attempt < LIMIT; attempt++) {
		t.is((await fetch(`${gateway.url}/api/connections`, {headers})).status, 401);
	}
	const url = `${gateway.url.replace('http', 'ws')}/api/ws`;
	const last = await StreamProbe.open(url, {headers});
	t.is((await last.closed()).code, 4003);
	t.is((await fetch(`${gateway.url}/api/connections`, {headers})).status, 429);
	await t.throwsAsync(StreamProbe.open(url, {headers}), {message: /429/});
	const other = await StreamProbe.open(url, {headers: {...headers, 'x-forwarded-for': '203.0.113.21'}});
	t.is((await other.closed()).code, 4003, 'another address');
});

test('IPv6 addresses of one network share a budget', async (t) => {
	let index = 0;
	const guess = (): Promise<Response> =>
		fetch(`${gateway.url}/api/tokens`, {headers: {'x-forwarded-for': `2001:db8:1:2::${String(++index)}`}});
	t.is((await statuses(LIMIT + 1, guess)).at(-1), 429);
});

test('what looks, what sends and what manages have limits of their own', async (t) => {
	await using harness = await createGatewayHarness();
	const {dependencies} = harness;
	const rateLimits = {read: 3, send: 2, manage: 1, unauthenticated: 4};
	const listener = createApp({...dependencies, settings: {...dependencies.settings, rateLimits}});
	await using server = await HttpServer.listen({listener, host: '127.0.0.1', port: 0, publicUrl: PUBLIC_URL});
	const {token} = await harness.createTenant();
	const limitOf = async (method: string, path: string, authorization = `Bearer ${token}`): Promise<string | null> => {
		const url = `http://127.0.0.1:${server.port}/api${path}`;
		return (await fetch(url, {method, headers: {authorization}})).headers.get('x-ratelimit-limit');
	};
	t.is(await limitOf('GET', '/connections'), '3');
	t.is(await limitOf('POST', '/connections/x/send'), '2');
	t.is(await limitOf('GET', '/tokens'), '1');
	t.is(await limitOf('GET', '/tokens', 'Bearer wh_nobody'), '4');
});

test('health is not limited', async (t) => {
	t.deepEqual(new Set(await statuses(3 * LIMIT, () => fetch(`${gateway.url}/api`))), new Set([200]));
	t.deepEqual(new Set(await statuses(3 * LIMIT, () => fetch(`${gateway.url}/api/health`))), new Set([200]));
});

test('a store may count for several processes; while it fails nothing is limited', async (t) => {
	const log = new RecordingLogger();
	const hits = new Map<string, number>();
	let broken = false;
	const store: Store = {
		increment: (key) => {
			if (broken) throw new Error('the store is away');
			hits.set(key, (hits.get(key) ?? 0) + 1);
			return {totalHits: hits.get(key) ?? 0, resetTime: new Date(Date.now() + 30_000)};
		},
		decrement: () => undefined,
		resetKey: () => undefined,
	};
	const serve = (): Promise<HttpServer> => {
		const app = express();
		app.get('/', createRateLimit({perMinute: 3, store, log}), (_request, response) => {
			response.send('ok');
		});
		app.use(errorHandler({log, publicUrl: PUBLIC_URL}));
		return HttpServer.listen({listener: app, host: '127.0.0.1', port: 0, publicUrl: PUBLIC_URL});
	};
	await using first = await serve();
	await using second = await serve();
	const call = ({port}: HttpServer): Promise<Response> => fetch(`http://127.0.0.1:${port}/`);
	t.deepEqual(await statuses(2, () => call(first)), [200, 200]);
	t.deepEqual(await statuses(2, () => call(second)), [200, 429]);
	t.is((await call(first)).headers.get('retry-after'), '30');
	broken = true;
	t.deepEqual(await statuses(5, () => call(first)), Array(5).fill(200));
	t.is(log.of('rateLimit.failed').length, 5);
});
