import test from 'ava';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import type {Dependency, HealthCheck} from '../../domain/ports/health-check.ts';
import {createHealthApp} from '../../gateway/http/health-app.ts';
import {HttpServer} from '../../gateway/http/server.ts';
import {isOnServices} from '../support/deployment.ts';
import {eventually} from '../support/eventually.ts';
import {createGatewayHarness} from '../support/gateway-harness.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

const serve = (healthChecks: readonly HealthCheck[]): Promise<HttpServer> =>
	HttpServer.listen({
		listener: createHealthApp({
			healthChecks,
			publicUrl: 'https://gateway.example',
			clock: new SystemClock(),
			log: new RecordingLogger(),
		}),
		host: '127.0.0.1',
		port: 0,
		publicUrl: 'https://gateway.example',
	});

const check = (dependency: Dependency, run: () => Promise<void> = () => Promise.resolve()): HealthCheck => ({
	dependency,
	check: run,
});

test('health of a gateway names each dependency with its latency', async (t) => {
	await using gateway = await createGatewayHarness();
	const response = await fetch(`${gateway.url}/api/health`);
	t.is(response.status, 200);
	const health = (await response.json()) as {status: string; timestamp: string; checks: Record<string, unknown>};
	t.deepEqual(Object.keys(health), ['status', 'timestamp', 'checks']);
	t.is(health.status, 'ok');
	t.true(Math.abs(Date.parse(health.timestamp) - Date.now()) < 10_000);
	const dependencies = ['broker', 'database', ...(isOnServices() ? ['redis'] : []), 'workers'];
	t.deepEqual(Object.keys(health.checks).sort(), dependencies);
	for (const dependency of Object.values(health.checks)) {
		t.like(dependency, {status: 'ok'});
		t.is(typeof (dependency as {latency: unknown}).latency, 'number');
	}
});

test('health is 503 while any dependency is away, and says which in words that name no machine', async (t) => {
	await using server = await serve([
		check('broker'),
		check('store', () => Promise.reject(new StoreUnavailableError('no primary'))),
		check('redis', () => Promise.reject(new Error('connect ECONNREFUSED redis://:password@10.0.0.9'))),
		check('engine'),
	]);
	const response = await fetch(`http://127.0.0.1:${server.port}/api/health`);
	t.is(response.status, 503);
	const text = await response.text();
	t.like(JSON.parse(text), {
		status: 'degraded',
		checks: {
			broker: {status: 'ok'},
			database: {status: 'error', error: 'The store is not available: no primary'},
			redis: {status: 'error', error: 'not reachable'},
			workers: {status: 'ok'},
		},
	});
	t.false(text.includes('10.0.0.9'));
});

test('callers at the same moment share one round of checks, later ones get a new one', async (t) => {
	let rounds = 0;
	let release = (): void => undefined;
	const held = check('broker', async () => {
		rounds++;
		await new Promise<void>((resolve) => {
			release = resolve;
		});
	});
	await using server = await serve([held]);
	let requests = 0;
	server.server.on('request', () => {
		requests++;
	});
	const ask = (): Promise<Response> => fetch(`http://127.0.0.1:${server.port}/api/health`);
	const asked = Promise.all(Array.from({length: 10}, ask));
	await eventually(() => requests === 10);
	release();
	t.deepEqual(new Set((await asked).map(({status}) => status)), new Set([200]));
	t.is(rounds, 1);
	const later = ask();
	await eventually(() => rounds === 2);
	release();
	t.is((await later).status, 200);
});

test('a process without the gateway role serves its health and nothing else', async (t) => {
	await using server = await serve([check('broker')]);
	const base = `http://127.0.0.1:${server.port}`;
	t.deepEqual(await (await fetch(`${base}/api`)).json(), {status: 'ok'});
	t.is((await fetch(`${base}/api/health`)).status, 200);
	for (const path of ['/', '/api/connections']) {
		const response = await fetch(base + path);
		t.is(response.status, 404);
		t.like(await response.json(), {message: `Cannot GET ${path}`, code: 'ROUTE_NOT_FOUND'});
	}
});
