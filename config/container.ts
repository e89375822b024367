import 'reflect-metadata';
import {container as root, instanceCachingFactory as once, type DependencyContainer} from 'tsyringe';
import {FolderMediaStore} from '../adapters/folder/folder-media-store.ts';
import {UndiciFileFetcher} from '../adapters/http/undici-file-fetcher.ts';
import {UndiciWebhookSender} from '../adapters/http/undici-webhook-sender.ts';
import {JoseIdentityVerifier} from '../adapters/jose/jose-identity-verifier.ts';
import {SimulatorEngine} from '../adapters/simulator/simulator-engine.ts';
import {WahaEngine} from '../adapters/waha/waha-engine.ts';
import {ControlBus} from '../domain/broker/control-bus.ts';
import {Publisher} from '../domain/broker/publisher.ts';
import type {Topology} from '../domain/broker/topology.ts';
import {ConnectionDirectory} from '../domain/connections/connection-directory.ts';
import {Connections} from '../domain/connections/connections.ts';
import {Linking} from '../domain/connections/linking.ts';
import {Conversations} from '../domain/conversations/conversations.ts';
import {EventLog} from '../domain/events/event-log.ts';
import {Ingestion} from '../domain/events/ingestion.ts';
import {Media} from '../domain/media/media.ts';
import {Messaging} from '../domain/messaging/messaging.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {ScopedLogger} from '../domain/ports/logger.ts';
import {SecretBox} from '../domain/secret-box.ts';
import {Authenticator} from '../domain/tokens/authenticator.ts';
import {SignIn} from '../domain/tokens/sign-in.ts';
import {Tokens} from '../domain/tokens/tokens.ts';
import {Users} from '../domain/tokens/users.ts';
import {Deliveries} from '../domain/webhooks/deliveries.ts';
import {WebhookDirectory} from '../domain/webhooks/webhook-directory.ts';
import {Webhooks} from '../domain/webhooks/webhooks.ts';
import {InfrastructureOverview} from '../domain/workers/infrastructure-overview.ts';
import type {DataDirectory} from './data-dir.ts';
import {ConfiguredEngines, workerIdOf} from './engine-directory.ts';
import type {Config} from './env.ts';
import type {Infrastructure} from './infrastructure.ts';
import {TOKENS} from './tokens.ts';

/** The simulator has room for more than anybody tries out. */
const SIMULATOR_CAPACITY = 10_000;

export interface ContainerOptions {
	readonly config: Config;
	readonly version: string;
	readonly clock: Clock;
	readonly log: ScopedLogger;
	readonly topology: Topology;
	readonly infrastructure: Infrastructure;
	readonly dataDirectory: () => DataDirectory;
	/** Factories push what must be closed; it is closed last in, first out. */
	readonly resources: AsyncDisposableStack;
}

/** Wires the process: everything by factory, made when it is first needed and only once. */
export function createContainer(options: ContainerOptions): DependencyContainer {
	const container = root.createChildContainer();
	registerValues(container, options);
	registerEngines(container, options);
	registerShared(container, options);
	registerIdentity(container, options);
	registerUseCases(container, options);
	return container;
}

function registerValues(container: DependencyContainer, options: ContainerOptions): void {
	const {config, version, clock, log, topology, infrastructure, dataDirectory} = options;
	container.register(TOKENS.config, {useValue: config});
	container.register(TOKENS.version, {useValue: version});
	container.register(TOKENS.clock, {useValue: clock});
	container.register(TOKENS.log, {useValue: log});
	container.register(TOKENS.topology, {useValue: topology});
	container.register(TOKENS.broker, {useValue: infrastructure.broker});
	container.register(TOKENS.stores, {useValue: infrastructure.stores});
	container.register(TOKENS.fanout, {useValue: infrastructure.fanout});
	container.register(TOKENS.recentIds, {useValue: infrastructure.recentIds});
	container.register(TOKENS.rateLimitStore, {useFactory: () => infrastructure.rateLimitStore});
	container.register(TOKENS.ingestionSecret, {
		useFactory: once(() => config.ingestionSecret ?? dataDirectory().secret('ingestion.secret')),
	});
	container.register(TOKENS.secretBox, {
		useFactory: once(() => new SecretBox(config.encryptionKey ?? dataDirectory().secret('encryption.key'))),
	});
}

function registerEngines(container: DependencyContainer, options: ContainerOptions): void {
	const {config, clock, log, infrastructure, resources} = options;
	container.register(TOKENS.simulator, {
		useFactory: once((c) => {
			const engine = new SimulatorEngine({
				clock,
				log,
				state: infrastructure.stores.engineStateStore,
				emit: async (event) => {
					await c.resolve(TOKENS.ingestion).accept(event);
				},
				...(config.simulatorSeed !== undefined && {seed: config.simulatorSeed}),
			});
			return resources.use(engine);
		}),
	});
	container.register(TOKENS.engines, {
		useFactory: once((c) => {
			if (config.workers.length === 0) {
				const worker = {id: workerIdOf('simulator'), name: 'simulator', engine: 'NOWEB', capacity: SIMULATOR_CAPACITY};
				return new ConfiguredEngines([{worker: {...worker, kind: 'simulator'}, engine: c.resolve(TOKENS.simulator)}]);
			}
			return new ConfiguredEngines(
				config.workers.map(({name, url, apiKey, engine, capacity}) => ({
					worker: {id: workerIdOf(name), name, kind: 'waha', engine, capacity},
					engine: new WahaEngine({baseUrl: url, apiKey, engine, clock}),
				})),
			);
		}),
	});
	container.register(TOKENS.healthChecks, {
		useFactory: once((c) => [...infrastructure.healthChecks, c.resolve(TOKENS.engines)]),
	});
}

function registerShared(
	container: DependencyContainer,
	{config, version, clock, log, topology, infrastructure, resources}: ContainerOptions,
): void {
	const {broker, stores, recentIds} = infrastructure;
	container.register(TOKENS.publisher, {useFactory: once(() => new Publisher({broker, topology, clock}))});
	container.register(TOKENS.control, {
		useFactory: once(
			(c) => new ControlBus({broker, queue: topology.queues.control, publisher: c.resolve(TOKENS.publisher), log}),
		),
	});
	container.register(TOKENS.connectionDirectory, {
		useFactory: once((c) => {
			const directory = new ConnectionDirectory({store: stores.connectionStore});
			c.resolve(TOKENS.control).follow(directory);
			return directory;
		}),
	});
	container.register(TOKENS.webhookDirectory, {
		useFactory: once((c) => {
			const directory = new WebhookDirectory({
				store: stores.webhookStore,
				secretBox: c.resolve(TOKENS.secretBox),
				clock,
			});
			c.resolve(TOKENS.control).follow(directory);
			return directory;
		}),
	});
	container.register(TOKENS.webhookSender, {
		useFactory: once(() =>
			resources.use(new UndiciWebhookSender({clock, version, allowCidrs: config.webhookAllowCidrs})),
		),
	});
	container.register(TOKENS.mediaStore, {
		useFactory: once(() => new FolderMediaStore({folder: config.mediaDir, clock})),
	});
	container.register(TOKENS.fileFetcher, {
		useFactory: once(() => resources.use(new UndiciFileFetcher({version, allowCidrs: config.webhookAllowCidrs}))),
	});
	container.register(TOKENS.ingestion, {
		useFactory: once(
			(c) =>
				new Ingestion({
					directory: c.resolve(TOKENS.connectionDirectory),
					recent: recentIds,
					publisher: c.resolve(TOKENS.publisher),
					clock,
					publicUrl: config.publicUrl,
					log,
				}),
		),
	});
}

function registerIdentity(
	container: DependencyContainer,
	{config, clock, log, infrastructure}: ContainerOptions,
): void {
	const {tokenStore, userStore, connectionStore, workerStore} = infrastructure.stores;
	container.register(TOKENS.signIn, {
		useFactory: once(() => {
			if (config.signIn === undefined) return undefined;
			const verifier = new JoseIdentityVerifier({...config.signIn, clock, log});
			return new SignIn({verifier, users: userStore, clock});
		}),
	});
	container.register(TOKENS.authenticator, {
		useFactory: once((c) => {
			const signIn = c.resolve(TOKENS.signIn);
			const authenticator = new Authenticator({tokens: tokenStore, users: userStore, signIn, clock, log});
			c.resolve(TOKENS.control).follow(authenticator);
			return authenticator;
		}),
	});
	container.register(TOKENS.tokens, {
		useFactory: once(
			(c) => new Tokens({store: tokenStore, connections: connectionStore, control: c.resolve(TOKENS.control), clock}),
		),
	});
	container.register(TOKENS.users, {
		useFactory: once((c) => new Users({store: userStore, control: c.resolve(TOKENS.control)})),
	});
	container.register(TOKENS.infrastructure, {
		useFactory: once(
			(c) =>
				new InfrastructureOverview({
					engines: c.resolve(TOKENS.engines),
					workers: workerStore,
					connections: connectionStore,
					clock,
					log,
				}),
		),
	});
}

function registerUseCases(
	container: DependencyContainer,
	{config, clock, log, infrastructure}: ContainerOptions,
): void {
	const {stores} = infrastructure;
	container.register(TOKENS.connections, {
		useFactory: once(
			(c) =>
				new Connections({
					store: stores.connectionStore,
					engines: c.resolve(TOKENS.engines),
					publisher: c.resolve(TOKENS.publisher),
					control: c.resolve(TOKENS.control),
					clock,
					log,
				}),
		),
	});
	container.register(TOKENS.linking, {
		useFactory: once(
			(c) =>
				new Linking({
					connections: c.resolve(TOKENS.connections),
					store: stores.connectionStore,
					webhooks: stores.webhookStore,
					engines: c.resolve(TOKENS.engines),
					publisher: c.resolve(TOKENS.publisher),
					clock,
					log,
				}),
		),
	});
	container.register(TOKENS.conversations, {
		useFactory: once(
			(c) => new Conversations({engines: c.resolve(TOKENS.engines), messaging: c.resolve(TOKENS.messaging), clock}),
		),
	});
	container.register(TOKENS.webhooks, {
		useFactory: once(
			(c) =>
				new Webhooks({
					store: stores.webhookStore,
					deliveries: stores.deliveryStore,
					events: stores.eventStore,
					sender: c.resolve(TOKENS.webhookSender),
					secretBox: c.resolve(TOKENS.secretBox),
					publisher: c.resolve(TOKENS.publisher),
					control: c.resolve(TOKENS.control),
					clock,
					publicUrl: config.publicUrl,
				}),
		),
	});
	container.register(TOKENS.deliveries, {
		useFactory: once(
			(c) =>
				new Deliveries({
					store: stores.deliveryStore,
					events: stores.eventStore,
					webhooks: stores.webhookStore,
					publisher: c.resolve(TOKENS.publisher),
					clock,
				}),
		),
	});
	container.register(TOKENS.eventLog, {
		useFactory: once(() => new EventLog({events: stores.eventStore, fanout: infrastructure.fanout, clock, log})),
	});
	container.register(TOKENS.media, {
		useFactory: once(
			(c) => new Media({store: c.resolve(TOKENS.mediaStore), engines: c.resolve(TOKENS.engines), clock}),
		),
	});
	container.register(TOKENS.messaging, {
		useFactory: once(
			(c) =>
				new Messaging({
					commands: stores.commandStore,
					engines: c.resolve(TOKENS.engines),
					media: c.resolve(TOKENS.mediaStore),
					publisher: c.resolve(TOKENS.publisher),
					clock,
				}),
		),
	});
}
