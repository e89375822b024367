import type {BillingOverviews} from '../../domain/billing/billing-overview.ts';
import type {Billing} from '../../domain/billing/billing.ts';
import type {GrantedSlots} from '../../domain/billing/granted-slots.ts';
import type {UsageReport} from '../../domain/billing/usage-report.ts';
import type {Connections} from '../../domain/connections/connections.ts';
import type {Linking} from '../../domain/connections/linking.ts';
import type {Conversations} from '../../domain/conversations/conversations.ts';
import type {EventLog} from '../../domain/events/event-log.ts';
import type {Jobs} from '../../domain/jobs/jobs.ts';
import type {Media} from '../../domain/media/media.ts';
import type {Messaging} from '../../domain/messaging/messaging.ts';
import type {SimulatorControl} from '../../domain/ports/simulator-control.ts';
import type {Tickets} from '../../domain/tokens/tickets.ts';
import type {Tokens} from '../../domain/tokens/tokens.ts';
import type {Users} from '../../domain/tokens/users.ts';
import type {Deliveries} from '../../domain/webhooks/deliveries.ts';
import type {Webhooks} from '../../domain/webhooks/webhooks.ts';
import type {InfrastructureOverview} from '../../domain/workers/infrastructure-overview.ts';
import type {EventSource} from '../ws/event-source.ts';
import type {StreamSessions} from '../ws/stream-sessions.ts';
import type {Subscriptions} from '../ws/subscriptions.ts';
import type {UrlRefusal} from './file-fields.ts';
import type {Route} from './route.ts';
import {accountRoutes} from './routes/account.ts';
import {adminRoutes} from './routes/admin.ts';
import {billingRoutes} from './routes/billing.ts';
import {chatRoutes} from './routes/chats.ts';
import {connectionRoutes} from './routes/connections.ts';
import {deliveryRoutes} from './routes/deliveries.ts';
import {eventRoutes} from './routes/events.ts';
import {jobRoutes} from './routes/jobs.ts';
import {linkingRoutes} from './routes/linking.ts';
import {mediaRoutes} from './routes/media.ts';
import {messageRoutes} from './routes/messages.ts';
import {simulatorRoutes} from './routes/simulator.ts';
import {streamRoutes} from './routes/stream.ts';
import {tokenRoutes} from './routes/tokens.ts';
import {webhookRoutes} from './routes/webhooks.ts';

/** The use cases behind the routes. */
export interface UseCases {
	readonly tokens: Tokens;
	readonly tickets: Tickets;
	readonly users: Users;
	readonly infrastructure: InfrastructureOverview;
	readonly connections: Connections;
	readonly linking: Linking;
	readonly webhooks: Webhooks;
	readonly deliveries: Deliveries;
	readonly jobs: Jobs;
	readonly events: EventLog;
	readonly eventSource: EventSource;
	readonly streamSessions: StreamSessions;
	readonly subscriptions: Subscriptions;
	readonly messaging: Messaging;
	readonly conversations: Conversations;
	readonly media: Media;
	readonly billing: Billing;
	readonly billingOverviews: BillingOverviews;
	readonly grantedSlots: GrantedSlots;
	readonly usage: UsageReport;
	/** For the URLs of files to send. */
	readonly refusal: UrlRefusal;
	/** Present only where the engine is the simulator. */
	readonly simulator?: SimulatorControl | undefined;
}

/** Every route that needs a token, as data: whatever holds for all of them is done (and tested) once, over this list. */
export function tenantRoutes({simulator, ...useCases}: UseCases, publicUrl: string): readonly Route[] {
	return [
		...accountRoutes(),
		...tokenRoutes({...useCases, publicUrl}),
		...connectionRoutes({...useCases, publicUrl}),
		...linkingRoutes(useCases),
		...messageRoutes(useCases),
		...chatRoutes({...useCases, publicUrl}),
		...mediaRoutes(useCases),
		...webhookRoutes({...useCases, publicUrl}),
		...deliveryRoutes({...useCases, publicUrl}),
		...jobRoutes({...useCases, publicUrl}),
		...streamRoutes(useCases),
		...eventRoutes({...useCases, publicUrl}),
		...billingRoutes(useCases),
		...adminRoutes({...useCases, publicUrl}),
		...(simulator === undefined ? [] : simulatorRoutes({simulator})),
	];
}
