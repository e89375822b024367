import express, {type Router} from 'express';
import {checkHealth, type Health} from '../../../domain/health.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {Dependency, HealthCheck} from '../../../domain/ports/health-check.ts';
import {sendJson} from '../send-json.ts';

/** The contract's words. */
const CHECK_NAMES = {
	broker: 'broker',
	store: 'database',
	redis: 'redis',
	engine: 'workers',
} as const satisfies Record<Dependency, string>;

/**
 * `/api` says that this process answers; `/api/health` asks every dependency and is 503 unless all answer. Neither needs a token nor
 * counts against a limit: load balancers and start-up scripts poll them. Callers at the same moment share one round of checks.
 */
export function healthRoutes({healthChecks, clock}: {healthChecks: readonly HealthCheck[]; clock: Clock}): Router {
	const router = express.Router();
	let running: Promise<Health> | undefined;
	router.get('/', (_request, response) => {
		sendJson(response, 200, {status: 'ok'});
	});
	router.get('/health', async (_request, response) => {
		running ??= checkHealth(healthChecks, clock).finally(() => {
			running = undefined;
		});
		const {status, checks} = await running;
		sendJson(response, status === 'ok' ? 200 : 503, {
			status,
			timestamp: new Date(clock.now()),
			checks: Object.fromEntries(
				Object.entries(checks).map(([dependency, check]) => [CHECK_NAMES[dependency as Dependency], check]),
			),
		});
	});
	return router;
}
