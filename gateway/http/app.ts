import express, {type Express, type RequestHandler} from 'express';
import type {Store} from 'express-rate-limit';
import helmet, {type HelmetOptions} from 'helmet';
import type {Ingestion} from '../../domain/events/ingestion.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';
import type {ScopedLogger} from '../../domain/ports/logger.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';
import type {EngineIngress} from '../../domain/ports/whatsapp-engine.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import {accessLog} from './access-log.ts';
import {authenticate, bearerToken, identityOf, queryOrBearerToken} from './authenticate.ts';
import {cors} from './cors.ts';
import {errorHandler} from './error-handler.ts';
import {Intake} from './intake.ts';
import {jsonBody, refuseOtherTypes} from './json-body.ts';
import {mount, type Guards} from './mount.ts';
import {createRateLimit, type RateLimits} from './rate-limit.ts';
import {requestId} from './request-id.ts';
import {routeNotFound} from './route-not-found.ts';
import {BILLING_EVENTS_PATH, billingEventsChain, type BillingEventDependencies} from './routes/billing-events.ts';
import {documentationRoutes} from './routes/documentation.ts';
import {healthRoutes} from './routes/health.ts';
import {INGESTION_PATH, ingestionChain} from './routes/ingestion.ts';
import {landingPage} from './routes/landing.ts';
import {tenantRoutes, type UseCases} from './tenant-routes.ts';
import {uploadBody} from './upload-body.ts';

/** The contract's limit for routes that take no media. */
const BODY_LIMIT_BYTES = 1024 * 1024;

/** The contract's limit for routes that take media. */
const UPLOAD_LIMIT_BYTES = 50 * 1024 * 1024;

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
	readonly rateLimits: RateLimits;
	/** Express's `trust proxy`: how many proxies, one behind the other, may name the client's address. */
	readonly trustProxy: number;
	readonly ingestionSecret: string;
	/** Shown on the landing page. */
	readonly version: string;
}

/** Everything that the REST surface stands on. */
export interface GatewayDependencies extends UseCases, Omit<BillingEventDependencies, 'clock'> {
	readonly settings: GatewaySettings;
	readonly authenticator: Authenticator;
	/** Takes the long polling of Socket.IO, and lets all else pass. */
	readonly streamRequests: RequestHandler;
	readonly ingestion: Ingestion;
	/** Reads what HTTP engines post. */
	readonly ingress: EngineIngress;
	readonly workers: EngineDirectory;
	readonly healthChecks: readonly HealthCheck[];
	/** Where uploads go. */
	readonly mediaStore: MediaStore;
	/** Where requests are counted; default: in this process. */
	readonly rateLimitStore?: Store | undefined;
	readonly clock: Clock;
	readonly log: ScopedLogger;
}

/** The REST surface: ingestion first, with a chain of its own, then everything for people and tenants. */
export function createApp(dependencies: GatewayDependencies): Express {
	const {settings, clock, log} = dependencies;
	const app = express();
	app.disable('x-powered-by');
	// Tags cost a hash per answer, and a 304 is nothing that clients of the contract know.
	app.disable('etag');
	app.set('trust proxy', settings.trustProxy);

	app.use(requestId(log));
	app.post(INGESTION_PATH, cors, ...ingestionChain({...dependencies, ingestionSecret: settings.ingestionSecret}));

	app.use(accessLog({clock, log}), cors, helmet(HELMET), dependencies.streamRequests);
	const billingEvents = billingEventsChain(dependencies);
	if (billingEvents.length > 0) app.post(BILLING_EVENTS_PATH, ...billingEvents);
	app.get('/', landingPage(settings));
	app.use('/api', healthRoutes(dependencies));
	const guards = tenantGuards(dependencies);
	const routes = tenantRoutes(dependencies, settings.publicUrl);
	app.use(documentationRoutes({...settings, routes}));
	for (const route of routes) {
		mount(app, route, guards);
	}
	app.use(routeNotFound);
	app.use(errorHandler({log, publicUrl: settings.publicUrl}));
	return app;
}

function tenantGuards(dependencies: GatewayDependencies): Guards {
	const {
		settings,
		authenticator,
		tickets,
		rateLimitStore,
		connections,
		webhooks,
		deliveries,
		jobs,
		events,
		mediaStore,
		clock,
		log,
	} = dependencies;
	const limit = (kind: keyof RateLimits): RequestHandler =>
		createRateLimit({perMinute: settings.rateLimits[kind], store: rateLimitStore, log});
	const limits = {read: limit('read'), send: limit('send'), manage: limit('manage')};
	const intake = new Intake({clock});
	const json = intake.around((_request, response) => identityOf(response).user.id, jsonBody(BODY_LIMIT_BYTES));
	const limitsOfUploads = {limitBytes: UPLOAD_LIMIT_BYTES, restLimitBytes: BODY_LIMIT_BYTES};
	const upload = {media: mediaStore, intake, ...limitsOfUploads, log};
	const limitFailures = limit('unauthenticated');
	const fromHeader = authenticate({authenticator, limitFailures, readCredentials: bearerToken});
	const fromQuery = authenticate({authenticator: tickets, limitFailures, readCredentials: queryOrBearerToken});
	return {
		authenticateOf: ({credentialsInQuery}) => (credentialsInQuery === true ? fromQuery : fromHeader),
		limitOf: ({scope}) => limits[scope],
		connections,
		webhooks,
		deliveries,
		jobs,
		events,
		bodyOf: ({body, uploads: fields}) => {
			// What nobody reads is not read; the server drops it behind the answer.
			if (body === undefined) return [];
			return fields === undefined ? json : [uploadBody({...upload, fields}), refuseOtherTypes];
		},
	};
}
