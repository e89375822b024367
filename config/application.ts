import type {DependencyContainer} from 'tsyringe';
import {PinoLogger} from '../adapters/system/pino-logger.ts';
import {SystemClock} from '../adapters/system/system-clock.ts';
import {JobReviver} from '../dispatchers/jobs/job-reviver.ts';
import {MediaSweeper} from '../dispatchers/media/media-sweeper.ts';
import {SessionReconciler} from '../dispatchers/session/session-reconciler.ts';
import {Supervisor} from '../dispatchers/session/supervisor.ts';
import {DeliverySweeper} from '../dispatchers/webhook/delivery-sweeper.ts';
import {checkEncryptionKey} from '../domain/encryption-key-check.ts';
import type {ScopedLogger} from '../domain/ports/logger.ts';
import {createHealthApp} from '../gateway/http/health-app.ts';
import {HttpServer} from '../gateway/http/server.ts';
import {createBillingChores} from './billing-chores.ts';
import {bootstrap} from './bootstrap.ts';
import type {ContainerOptions} from './container-options.ts';
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
	const options = {config, version, clock, log, topology, infrastructure, dataDirectory, resources};
	const container = createContainer(options);
	await whileStarting(() => checkKey(container));
	await startControl(container, resources);
	const newToken = await whileStarting(() => createFirstToken(container, dataDirectory));
	await startRoles(container, infrastructure, resources);
	const url = await listen(container, options);
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
async function listen(container: DependencyContainer, options: ContainerOptions): Promise<string> {
	const {host, roles} = options.config;
	const http = roles.includes('gateway')
		? await listenAsGateway(container, options)
		: await listenForHealth(container, options);
	return `http://${host.includes(':') ? `[${host}]` : host}:${http.port}`;
}

/** Loaded here alone: other roles do without its packages and schemas, which take some 10 MB. */
async function listenAsGateway(container: DependencyContainer, options: ContainerOptions): Promise<HttpServer> {
	const {startGateway} = await import('./gateway.ts');
	const {http} = await startGateway(container, options);
	return http;
}

async function listenForHealth(
	container: DependencyContainer,
	{config: {host, port, publicUrl}, resources, clock, log}: ContainerOptions,
): Promise<HttpServer> {
	const listener = createHealthApp({healthChecks: container.resolve(TOKENS.healthChecks), clock, log, publicUrl});
	return resources.use(await HttpServer.listen({listener, host, port, publicUrl}));
}
