import 'reflect-metadata';
import {container as root, instanceCachingFactory as once, type DependencyContainer} from 'tsyringe';
import {FolderMediaStore} from '../adapters/folder/folder-media-store.ts';
import {UndiciFileFetcher} from '../adapters/http/undici-file-fetcher.ts';
import {UndiciWebhookSender} from '../adapters/http/undici-webhook-sender.ts';
import {SimulatorEngine} from '../adapters/simulator/simulator-engine.ts';
import {WahaEngine} from '../adapters/waha/waha-engine.ts';
import {ControlBus} from '../domain/broker/control-bus.ts';
import {Publisher} from '../domain/broker/publisher.ts';
import {ConnectionDirectory} from '../domain/connections/connection-directory.ts';
import {DeletedConnections} from '../domain/connections/deleted-connections.ts';
import {Ingestion} from '../domain/events/ingestion.ts';
import {SecretBox} from '../domain/secret-box.ts';
import {WebhookDirectory} from '../domain/webhooks/webhook-directory.ts';
import type {ContainerOptions} from './container-options.ts';
import {ConfiguredEngines, workerIdOf} from './engine-directory.ts';
import {registerBilling} from './register-billing.ts';
import {registerIdentity} from './register-identity.ts';
import {TOKENS} from './tokens.ts';
import {registerUseCases} from './register-use-cases.ts';

/** The simulator has room for more than anybody tries out. */
const SIMULATOR_CAPACITY = 10_000;

/** Wires the process: everything by factory, made when it is first needed and only once. */
export function createContainer(options: ContainerOptions): DependencyContainer {
	const container = root.createChildContainer();
	registerValues(container, options);
	registerEngines(container, options);
	registerShared(container, options);
	registerIdentity(container, options);
	registerBilling(container, options);
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
	container.register(TOKENS.billingEventReader, {useFactory: () => infrastructure.billingEventReader});
	container.register(TOKENS.rateLimitStore, {useFactory: () => infrastructure.rateLimitStore});
	container.register(TOKENS.ingestionSecret, {
		useFactory: once(() => config.ingestionSecret ?? dataDirectory().secret('ingestion.secret', 'INGESTION_SECRET')),
	});
	container.register(TOKENS.secretBox, {
		useFactory: once(
			() => new SecretBox(config.encryptionKey ?? dataDirectory().secret('encryption.key', 'ENCRYPTION_KEY')),
		),
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
	container.register(TOKENS.deletedConnections, {
		useFactory: once((c) => {
			const deleted = new DeletedConnections({store: stores.connectionStore, log});
			c.resolve(TOKENS.control).follow(deleted);
			return deleted;
		}),
	});
	container.register(TOKENS.webhookDirectory, {
		useFactory: once((c) => {
			const directory = new WebhookDirectory({
				store: stores.webhookStore,
				secretBox: c.resolve(TOKENS.secretBox),
				clock,
				log,
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
