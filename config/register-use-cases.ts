import {instanceCachingFactory as once, type DependencyContainer} from 'tsyringe';
import {Connections} from '../domain/connections/connections.ts';
import {Linking} from '../domain/connections/linking.ts';
import {Conversations} from '../domain/conversations/conversations.ts';
import {EventLog} from '../domain/events/event-log.ts';
import {Jobs} from '../domain/jobs/jobs.ts';
import {Media} from '../domain/media/media.ts';
import {Messaging} from '../domain/messaging/messaging.ts';
import {Deliveries} from '../domain/webhooks/deliveries.ts';
import {Disabling} from '../domain/webhooks/disabling.ts';
import {Webhooks} from '../domain/webhooks/webhooks.ts';
import {InfrastructureOverview} from '../domain/workers/infrastructure-overview.ts';
import type {ContainerOptions} from './container-options.ts';
import {TOKENS} from './tokens.ts';

/** What tenants and administrators can do. */
export function registerUseCases(
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
					slots: c.resolve(TOKENS.slots),
					care: c.resolve(TOKENS.billingCare),
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
			(c) => new Conversations({engines: c.resolve(TOKENS.engines), commands: stores.commandStore, clock}),
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
					maxPerConnection: config.maxWebhooksPerConnection,
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
	container.register(TOKENS.jobs, {
		useFactory: once((c) => new Jobs({store: stores.jobStore, publisher: c.resolve(TOKENS.publisher), clock, log})),
	});
	container.register(TOKENS.disabling, {
		useFactory: once(
			(c) =>
				new Disabling({
					store: stores.webhookStore,
					publisher: c.resolve(TOKENS.publisher),
					control: c.resolve(TOKENS.control),
					log,
					afterMs: config.webhookDisableAfterMs,
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
					conversations: c.resolve(TOKENS.conversations),
					publisher: c.resolve(TOKENS.publisher),
					clock,
				}),
		),
	});
	container.register(TOKENS.infrastructureOverview, {
		useFactory: once(
			(c) =>
				new InfrastructureOverview({
					engines: c.resolve(TOKENS.engines),
					workers: stores.workerStore,
					connections: stores.connectionStore,
					clock,
					log,
				}),
		),
	});
}
