import type {Server} from 'node:http';
import type {DependencyContainer} from 'tsyringe';
import {PinoLogger} from '../adapters/system/pino-logger.ts';
import {SystemClock} from '../adapters/system/system-clock.ts';
import {WahaIngress} from '../adapters/waha/waha-ingress.ts';
import {JobReviver} from '../dispatchers/jobs/job-reviver.ts';
import {MediaSweeper} from '../dispatchers/media/media-sweeper.ts';
import {SessionReconciler} from '../dispatchers/session/session-reconciler.ts';
import {Supervisor} from '../dispatchers/session/supervisor.ts';
import {DeliverySweeper} from '../dispatchers/webhook/delivery-sweeper.ts';
import {checkEncryptionKey} from '../domain/encryption-key-check.ts';
import type {ScopedLogger} from '../domain/ports/logger.ts';
import {createApp} from '../gateway/http/app.ts';
import {createHealthApp} from '../gateway/http/health-app.ts';
import {HttpServer} from '../gateway/http/server.ts';
import {createBillingChores} from './billing-chores.ts';
import {bootstrap} from './bootstrap.ts';
import {createContainer} from './container.ts';
import {DataDirectory} from './data-dir.ts';
import {createDispatchers} from './dispatchers.ts';
import type {Config} from './env.ts';
import {openInfrastructure, type Infrastructure} from './infrastructure.ts';
import {TOKENS} from './tokens.ts';
import {createTopology} from './topology.ts';
import {whileStarting} from './while-starting.ts';

/** A started process. */
export interface Application extends AsyncDisposable {
	/** Where it listens. */
	readonly url: string;
	/** The first token, when this start made one. */
	readonly newToken: string | undefined;
	/** The file that keeps that token. */
	readonly tokenFile: string;
}

/** The process's log, as the configuration wants it. */
export function createLog({logLevel, logFormat}: Config): ScopedLogger {
	return new PinoLogger({level: logLevel, pretty: logFormat === 'pretty'});
}

/**
 * Starts the roles of the configuration; the HTTP server comes last, so that an answer means that all of it runs.
 * Disposing ends everything in reverse order and finishes what is under way.
 * @throws {SetupError} something of the environment is not as it must be
 */
export async function startApplication({
	config,
	version,
	log,
}: {
	config: Config;
	version: string;
	log: ScopedLogger;
}): Promise<Application> {
	await using resources = new AsyncDisposableStack();
	const clock = new SystemClock();
	const topology = createTopology(config.namespace);
	let directory: DataDirectory | undefined;
	const dataDirectory = (): DataDirectory => (directory ??= new DataDirectory(config.dataDir));
	const infrastructure = await openInfrastructure({config, topology, dataDirectory, clock, log, resources});
	const container = createContainer({config, version, clock, log, topology, infrastructure, dataDirectory, resources});
	await whileStarting(() => checkKey(container));
	await startControl(container, resources);
	const newToken = await whileStarting(() => createFirstToken(container, dataDirectory));
	await startRoles(container, infrastructure, resources);
	const url = await listen(container, resources);
	const owned = resources.move();
	return {
		url,
		newToken,
		tokenFile: `${config.dataDir}/${TOKEN_FILE}`,
		[Symbol.asyncDispose]: () => owned.disposeAsync(),
	};
}

const TOKEN_FILE = 'token';

async function checkKey(container: DependencyContainer): Promise<void> {
	const {markStore, webhookStore} = container.resolve(TOKENS.stores);
	await checkEncryptionKey({
		marks: markStore,
		webhooks: webhookStore,
		secretBox: container.resolve(TOKENS.secretBox),
		isLost: container.resolve(TOKENS.config).encryptionKeyLost,
		log: container.resolve(TOKENS.log),
	});
}

async function startControl(container: DependencyContainer, resources: AsyncDisposableStack): Promise<void> {
	const control = container.resolve(TOKENS.control);
	await control.start();
	resources.defer(() => control.stop());
}

async function createFirstToken(
	container: DependencyContainer,
	dataDirectory: () => DataDirectory,
): Promise<string | undefined> {
	const {roles, bootstrapToken} = container.resolve(TOKENS.config);
	if (!roles.includes('gateway')) {
		return undefined;
	}
	return bootstrap({
		users: container.resolve(TOKENS.stores).userStore,
		tokens: container.resolve(TOKENS.tokens),
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
		presetToken: bootstrapToken,
		keepToken: (token) => {
			dataDirectory().writeSecret(TOKEN_FILE, token);
		},
	});
}

async function startRoles(
	container: DependencyContainer,
	infrastructure: Infrastructure,
	resources: AsyncDisposableStack,
): Promise<void> {
	const {roles, workers} = container.resolve(TOKENS.config);
	const dispatchers = roles.flatMap((role) => createDispatchers(role, container));
	for (const dispatcher of dispatchers) await dispatcher.start();
	resources.defer(async () => {
		await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
	});
	if (workers.length === 0) {
		await container.resolve(TOKENS.simulator).start();
	}
	if (roles.includes('media')) {
		startMediaSweeper(container, resources);
	}
	if (roles.includes('supervisor')) {
		startSupervisor(container, infrastructure, resources);
	}
}

function startMediaSweeper(container: DependencyContainer, resources: AsyncDisposableStack): void {
	const sweeper = new MediaSweeper({
		store: container.resolve(TOKENS.mediaStore),
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
		retentionDays: container.resolve(TOKENS.config).mediaRetentionDays,
	});
	sweeper.start();
	resources.defer(() => sweeper.stop());
}

function startSupervisor(
	container: DependencyContainer,
	{stores, retention}: Infrastructure,
	resources: AsyncDisposableStack,
): void {
	const sweeper = createDeliverySweeper(container);
	const reviver = createJobReviver(container);
	const reconciler = new SessionReconciler({
		connections: stores.connectionStore,
		engines: container.resolve(TOKENS.engines),
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
	});
	const supervisor = new Supervisor({
		leases: stores.leaseStore,
		connections: stores.connectionStore,
		publisher: container.resolve(TOKENS.publisher),
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
		...(retention !== undefined && {retention}),
		retentionDays: container.resolve(TOKENS.config).retentionDays,
		chores: [
			{name: 'sessions.reconcile', run: () => reconciler.reconcile()},
			{name: 'deliveries.sweep', run: () => sweeper.sweep()},
			{name: 'jobs.revive', run: () => reviver.revive()},
			...createBillingChores(container),
		],
	});
	supervisor.start();
	resources.defer(() => supervisor.stop());
}

function createDeliverySweeper(container: DependencyContainer): DeliverySweeper {
	const {webhook, ordered, outcomes} = container.resolve(TOKENS.topology).queues;
	const {deliveryStore, eventStore} = container.resolve(TOKENS.stores);
	return new DeliverySweeper({
		deliveries: deliveryStore,
		events: eventStore,
		publisher: container.resolve(TOKENS.publisher),
		queues: [webhook, ...ordered, outcomes],
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
	});
}

function createJobReviver(container: DependencyContainer): JobReviver {
	return new JobReviver({
		jobs: container.resolve(TOKENS.stores).jobStore,
		publisher: container.resolve(TOKENS.publisher),
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
	});
}

/** The whole API where the gateway role is, health alone elsewhere. @returns the base URL */
async function listen(container: DependencyContainer, resources: AsyncDisposableStack): Promise<string> {
	const config = container.resolve(TOKENS.config);
	const isGateway = config.roles.includes('gateway');
	const listener = isGateway
		? createGatewayApp(container)
		: createHealthApp({...healthOptions(container), publicUrl: config.publicUrl});
	const http = resources.use(
		await HttpServer.listen({listener, host: config.host, port: config.port, publicUrl: config.publicUrl}),
	);
	if (isGateway) {
		// Closed before the server, which waits for its requests: nobody is left waiting for an event.
		resources.use(container.resolve(TOKENS.eventLog));
		await attachStream(container, http.server, resources);
	}
	const host = config.host.includes(':') ? `[${config.host}]` : config.host;
	return `http://${host}:${http.port}`;
}

/** Closed before the server, too: nobody's stream is cut without a word. */
async function attachStream(
	container: DependencyContainer,
	server: Server,
	resources: AsyncDisposableStack,
): Promise<void> {
	const endpoint = container.resolve(TOKENS.streamEndpoint);
	endpoint.attach(server);
	resources.use(endpoint);
	resources.use(await container.resolve(TOKENS.streamSessions).attend());
}

function createGatewayApp(container: DependencyContainer): ReturnType<typeof createApp> {
	const config = container.resolve(TOKENS.config);
	return createApp({
		settings: {
			publicUrl: config.publicUrl,
			rateLimits: config.rateLimits,
			trustProxy: config.trustProxy,
			ingestionSecret: container.resolve(TOKENS.ingestionSecret),
			version: container.resolve(TOKENS.version),
		},
		authenticator: container.resolve(TOKENS.authenticator),
		tokens: container.resolve(TOKENS.tokens),
		users: container.resolve(TOKENS.users),
		infrastructure: container.resolve(TOKENS.infrastructureOverview),
		connections: container.resolve(TOKENS.connections),
		linking: container.resolve(TOKENS.linking),
		webhooks: container.resolve(TOKENS.webhooks),
		deliveries: container.resolve(TOKENS.deliveries),
		jobs: container.resolve(TOKENS.jobs),
		events: container.resolve(TOKENS.eventLog),
		tickets: container.resolve(TOKENS.tickets),
		eventSource: container.resolve(TOKENS.eventSource),
		streamRequests: container.resolve(TOKENS.streamEndpoint).requests,
		streamSessions: container.resolve(TOKENS.streamSessions),
		subscriptions: container.resolve(TOKENS.subscriptions),
		messaging: container.resolve(TOKENS.messaging),
		conversations: container.resolve(TOKENS.conversations),
		media: container.resolve(TOKENS.media),
		billing: container.resolve(TOKENS.billing),
		billingOverviews: container.resolve(TOKENS.billingOverviews),
		billingInbox: container.resolve(TOKENS.billingInbox),
		billingEventReader: container.resolve(TOKENS.billingEventReader),
		grantedSlots: container.resolve(TOKENS.grantedSlots),
		usage: container.resolve(TOKENS.usageReport),
		mediaStore: container.resolve(TOKENS.mediaStore),
		refusal: (url) => container.resolve(TOKENS.webhookSender).refusal(url),
		simulator: config.workers.length === 0 ? container.resolve(TOKENS.simulator) : undefined,
		ingestion: container.resolve(TOKENS.ingestion),
		ingress: new WahaIngress({clock: container.resolve(TOKENS.clock)}),
		workers: container.resolve(TOKENS.engines),
		rateLimitStore: container.resolve(TOKENS.rateLimitStore),
		...healthOptions(container),
	});
}

function healthOptions(container: DependencyContainer): Omit<Parameters<typeof createHealthApp>[0], 'publicUrl'> {
	return {
		healthChecks: container.resolve(TOKENS.healthChecks),
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
	};
}
