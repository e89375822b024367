import express, {type Express, type Request, type RequestHandler, type Response} from 'express';
import type {Store} from 'express-rate-limit';
import helmet, {type HelmetOptions} from 'helmet';
import type {Ingestion} from '../../domain/events/ingestion.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {EngineIngress} from '../../domain/ports/whatsapp-engine.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import {accessLog} from './access-log.ts';
import {authenticate, identityOf} from './authenticate.ts';
import {cors} from './cors.ts';
import {errorHandler} from './error-handler.ts';
import {jsonBody} from './json-body.ts';
import {createRateLimit} from './rate-limit.ts';
import {requestId} from './request-id.ts';
import {routeNotFound} from './route-not-found.ts';
import type {Answer, Call, Route} from './route.ts';
import {healthRoutes} from './routes/health.ts';
import {INGESTION_PATH, ingestionChain} from './routes/ingestion.ts';
import {landingPage} from './routes/landing.ts';
import {tenantRoutes, type UseCases} from './tenant-routes.ts';

/** The contract's limit for routes that take no media. */
const BODY_LIMIT_BYTES = 1024 * 1024;

const HELMET: HelmetOptions = {
	// A gateway in a private network is reached by http: its own links must stay http there.
	contentSecurityPolicy: {directives: {upgradeInsecureRequests: null}},
	// TLS, where there is any, ends at a proxy, and the promise to keep it is the proxy's to make.
	strictTransportSecurity: false,
	// The API is for other origins.
	crossOriginResourcePolicy: {policy: 'cross-origin'},
};

interface GatewaySettings {
	/** Base URL that tenants reach us at, without a trailing slash. */
	readonly publicUrl: string;
	/** Requests per minute, token and route. */
	readonly rateLimitPerMinute: number;
	/** Express's `trust proxy`: which proxies may name the client's address. */
	readonly trustProxy: boolean | number | string;
	readonly ingestionSecret: string;
	/** Shown on the landing page. */
	readonly version: string;
}

export interface GatewayDependencies extends UseCases {
	readonly settings: GatewaySettings;
	readonly authenticator: Authenticator;
	readonly ingestion: Ingestion;
	/** Reads what HTTP engines post. */
	readonly ingress: EngineIngress;
	readonly workers: EngineDirectory;
	readonly healthChecks: readonly HealthCheck[];
	/** Where requests are counted; default: in this process. */
	readonly rateLimitStore?: Store | undefined;
	readonly clock: Clock;
	readonly log: Logger;
}

/** The REST surface: ingestion first, with a chain of its own, then everything for people and tenants. */
export function createApp(dependencies: GatewayDependencies): Express {
	const {settings, clock, log} = dependencies;
	const app = express();
	app.disable('x-powered-by');
	// Tags cost a hash per answer, and a 304 is nothing that clients of the contract know.
	app.disable('etag');
	app.set('trust proxy', settings.trustProxy);

	app.post(INGESTION_PATH, ...ingestionChain({...dependencies, ingestionSecret: settings.ingestionSecret}));

	app.use(requestId, accessLog({clock, log}), cors, helmet(HELMET));
	app.get('/', landingPage(settings));
	app.use('/api', healthRoutes(dependencies));
	const guards = tenantGuards(dependencies);
	for (const route of tenantRoutes(dependencies, settings.publicUrl)) {
		mount(app, route, guards);
	}
	app.use(routeNotFound);
	app.use(errorHandler({log}));
	return app;
}

/** What every tenant route goes through: who is it, how often, and only then what was sent. */
function tenantGuards({settings, authenticator, rateLimitStore, log}: GatewayDependencies): readonly RequestHandler[] {
	const limit = createRateLimit({perMinute: settings.rateLimitPerMinute, store: rateLimitStore, log});
	return [authenticate({authenticator, limitFailures: limit}), limit, ...jsonBody(BODY_LIMIT_BYTES)];
}

function mount(app: Express, {method, path, handle}: Route, guards: readonly RequestHandler[]): void {
	const register = method.toLowerCase() as Lowercase<Route['method']>;
	app[register](`/api${path}`, ...guards, async (request: Request, response: Response) => {
		send(await handle(toCall(request, response)), response);
	});
}

function toCall(request: Request, response: Response): Call {
	return {
		user: identityOf(response).user,
		param: (name) => String(request.params[name] ?? ''),
		header: (name) => request.get(name),
		query: request.query,
		body: request.body as unknown,
	};
}

function send({status, body, headers = {}}: Answer, response: Response): void {
	response.status(status).set({'Cache-Control': 'no-store', ...headers});
	if (body === undefined) {
		response.end();
	} else {
		response.json(body);
	}
}
