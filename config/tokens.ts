import type {Store} from 'express-rate-limit';
import type {InjectionToken} from 'tsyringe';
import type {SimulatorEngine} from '../adapters/simulator/simulator-engine.ts';
import type {BillingCare} from '../domain/billing/billing-care.ts';
import type {BillingInbox} from '../domain/billing/billing-inbox.ts';
import type {BillingOverviews} from '../domain/billing/billing-overview.ts';
import type {Billing} from '../domain/billing/billing.ts';
import type {Entitlements} from '../domain/billing/entitlements.ts';
import type {GrantedSlots} from '../domain/billing/granted-slots.ts';
import type {Slots} from '../domain/billing/slots.ts';
import type {SubscriptionLedger} from '../domain/billing/subscription-ledger.ts';
import type {UsageReport} from '../domain/billing/usage-report.ts';
import type {UsageRollUp} from '../domain/billing/usage-roll-up.ts';
import type {ControlBus} from '../domain/broker/control-bus.ts';
import type {Publisher} from '../domain/broker/publisher.ts';
import type {Topology} from '../domain/broker/topology.ts';
import type {ConnectionDirectory} from '../domain/connections/connection-directory.ts';
import type {Connections} from '../domain/connections/connections.ts';
import type {DeletedConnections} from '../domain/connections/deleted-connections.ts';
import type {Linking} from '../domain/connections/linking.ts';
import type {Conversations} from '../domain/conversations/conversations.ts';
import type {EventLog} from '../domain/events/event-log.ts';
import type {Ingestion} from '../domain/events/ingestion.ts';
import type {Jobs} from '../domain/jobs/jobs.ts';
import type {Media} from '../domain/media/media.ts';
import type {Messaging} from '../domain/messaging/messaging.ts';
import type {BillingEventReader} from '../domain/ports/billing-event-reader.ts';
import type {Broker} from '../domain/ports/broker.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {Fanout} from '../domain/ports/fanout.ts';
import type {FileFetcher} from '../domain/ports/file-fetcher.ts';
import type {HealthCheck} from '../domain/ports/health-check.ts';
import type {ScopedLogger} from '../domain/ports/logger.ts';
import type {MediaStore} from '../domain/ports/media-store.ts';
import type {RecentIds} from '../domain/ports/recent-ids.ts';
import type {Stores} from '../domain/ports/stores.ts';
import type {WebhookSender} from '../domain/ports/webhook-sender.ts';
import type {SecretBox} from '../domain/secret-box.ts';
import type {Authenticator} from '../domain/tokens/authenticator.ts';
import type {SignIn} from '../domain/tokens/sign-in.ts';
import type {Tickets} from '../domain/tokens/tickets.ts';
import type {Tokens} from '../domain/tokens/tokens.ts';
import type {Users} from '../domain/tokens/users.ts';
import type {Deliveries} from '../domain/webhooks/deliveries.ts';
import type {Disabling} from '../domain/webhooks/disabling.ts';
import type {WebhookDirectory} from '../domain/webhooks/webhook-directory.ts';
import type {Webhooks} from '../domain/webhooks/webhooks.ts';
import type {InfrastructureOverview} from '../domain/workers/infrastructure-overview.ts';
import type {EventSource} from '../gateway/ws/event-source.ts';
import type {EventStream} from '../gateway/ws/event-stream.ts';
import type {StreamEndpoint} from '../gateway/ws/stream-endpoint.ts';
import type {StreamSessions} from '../gateway/ws/stream-sessions.ts';
import type {Subscriptions} from '../gateway/ws/subscriptions.ts';
import type {ConfiguredEngines} from './engine-directory.ts';
import type {Config} from './env.ts';

const token = <T>(name: string): InjectionToken<T> => Symbol(name);

/** Everything that is wired, by what it is needed as: a wrong one in a factory does not compile. */
export const TOKENS = {
	config: token<Config>('Config'),
	version: token<string>('version'),
	clock: token<Clock>('Clock'),
	log: token<ScopedLogger>('Logger'),
	topology: token<Topology>('Topology'),
	broker: token<Broker>('Broker'),
	stores: token<Stores>('Stores'),
	healthChecks: token<readonly HealthCheck[]>('HealthCheck[]'),
	fanout: token<Fanout>('Fanout'),
	recentIds: token<RecentIds>('RecentIds'),
	rateLimitStore: token<Store>('rate limit Store'),
	mediaStore: token<MediaStore>('MediaStore'),
	fileFetcher: token<FileFetcher>('FileFetcher'),
	engines: token<ConfiguredEngines>('EngineDirectory'),
	simulator: token<SimulatorEngine>('SimulatorEngine'),
	webhookSender: token<WebhookSender>('WebhookSender'),
	secretBox: token<SecretBox>('SecretBox'),
	ingestionSecret: token<string>('ingestionSecret'),
	publisher: token<Publisher>('Publisher'),
	control: token<ControlBus>('ControlBus'),
	connectionDirectory: token<ConnectionDirectory>('ConnectionDirectory'),
	deletedConnections: token<DeletedConnections>('DeletedConnections'),
	webhookDirectory: token<WebhookDirectory>('WebhookDirectory'),
	ingestion: token<Ingestion>('Ingestion'),
	signIn: token<SignIn | undefined>('SignIn'),
	authenticator: token<Authenticator>('Authenticator'),
	tokens: token<Tokens>('Tokens'),
	tickets: token<Tickets>('Tickets'),
	users: token<Users>('Users'),
	infrastructureOverview: token<InfrastructureOverview>('InfrastructureOverview'),
	connections: token<Connections>('Connections'),
	linking: token<Linking>('Linking'),
	webhooks: token<Webhooks>('Webhooks'),
	deliveries: token<Deliveries>('Deliveries'),
	jobs: token<Jobs>('Jobs'),
	disabling: token<Disabling>('Disabling'),
	eventLog: token<EventLog>('EventLog'),
	stream: token<EventStream>('EventStream'),
	eventSource: token<EventSource>('EventSource'),
	streamEndpoint: token<StreamEndpoint>('StreamEndpoint'),
	streamSessions: token<StreamSessions>('StreamSessions'),
	subscriptions: token<Subscriptions>('Subscriptions'),
	messaging: token<Messaging>('Messaging'),
	conversations: token<Conversations>('Conversations'),
	media: token<Media>('Media'),
	entitlements: token<Entitlements>('Entitlements'),
	slots: token<Slots>('Slots'),
	subscriptionLedger: token<SubscriptionLedger | undefined>('SubscriptionLedger'),
	billingCare: token<BillingCare>('BillingCare'),
	billing: token<Billing>('Billing'),
	billingOverviews: token<BillingOverviews>('BillingOverviews'),
	billingInbox: token<BillingInbox | undefined>('BillingInbox'),
	billingEventReader: token<BillingEventReader | undefined>('BillingEventReader'),
	grantedSlots: token<GrantedSlots>('GrantedSlots'),
	usageRollUp: token<UsageRollUp>('UsageRollUp'),
	usageReport: token<UsageReport>('UsageReport'),
} as const;
