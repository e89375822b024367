import express, {type Express} from 'express';
import type {Clock} from '../../domain/ports/clock.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {ScopedLogger} from '../../domain/ports/logger.ts';
import {errorHandler} from './error-handler.ts';
import {requestId} from './request-id.ts';
import {routeNotFound} from './route-not-found.ts';
import {healthRoutes} from './routes/health.ts';

/** For processes without the gateway role: `/api` and `/api/health`, so that whatever runs them can tell how they are. */
export function createHealthApp({
	healthChecks,
	publicUrl,
	clock,
	log,
}: {
	healthChecks: readonly HealthCheck[];
	/** Of the gateway, without a trailing slash; errors link to its pages. */
	publicUrl: string;
	clock: Clock;
	log: ScopedLogger;
}): Express {
	const app = express();
	app.disable('x-powered-by');
	app.disable('etag');
	app.use(requestId(log));
	app.use('/api', healthRoutes({healthChecks, clock}));
	app.use(routeNotFound);
	app.use(errorHandler({log, publicUrl}));
	return app;
}
