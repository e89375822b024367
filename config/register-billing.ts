import {instanceCachingFactory as once, type DependencyContainer} from 'tsyringe';
import {BillingCare} from '../domain/billing/billing-care.ts';
import {BillingInbox} from '../domain/billing/billing-inbox.ts';
import {BillingOverviews} from '../domain/billing/billing-overview.ts';
import {Billing} from '../domain/billing/billing.ts';
import {Entitlements} from '../domain/billing/entitlements.ts';
import {GrantedSlots} from '../domain/billing/granted-slots.ts';
import {Notices} from '../domain/billing/notices.ts';
import {Slots} from '../domain/billing/slots.ts';
import {SubscriptionLedger} from '../domain/billing/subscription-ledger.ts';
import {Suspensions} from '../domain/billing/suspensions.ts';
import {UsageReport} from '../domain/billing/usage-report.ts';
import {UsageRollUp} from '../domain/billing/usage-roll-up.ts';
import type {ContainerOptions} from './container-options.ts';
import {TOKENS} from './tokens.ts';

/** Who may run how many connections, and who pays for them. */
export function registerBilling(container: DependencyContainer, options: ContainerOptions): void {
	const {config, clock, log, infrastructure} = options;
	const {entitlementStore, slotStore, connectionStore, userStore} = infrastructure.stores;
	const {stores, billingProvider: provider} = infrastructure;
	container.register(TOKENS.entitlements, {
		useFactory: once(() => new Entitlements({store: entitlementStore, users: userStore, rules: config.billing, clock})),
	});
	container.register(TOKENS.slots, {
		useFactory: once((c) => {
			const entitlements = c.resolve(TOKENS.entitlements);
			return new Slots({entitlements, store: slotStore, connections: connectionStore, clock});
		}),
	});
	container.register(TOKENS.subscriptionLedger, {
		useFactory: once(
			(c) => provider && new SubscriptionLedger({entitlements: c.resolve(TOKENS.entitlements), provider, clock, log}),
		),
	});
	container.register(TOKENS.billingCare, {useFactory: once((c) => createCare(c, options))});
	container.register(TOKENS.billing, {
		useFactory: once((c) => {
			const ledger = c.resolve(TOKENS.subscriptionLedger);
			return new Billing({
				backend: provider && ledger && {provider, ledger, frontendUrl: config.billing.frontendUrl},
				entitlements: c.resolve(TOKENS.entitlements),
				connections: connectionStore,
				care: c.resolve(TOKENS.billingCare),
				clock,
			});
		}),
	});
	container.register(TOKENS.billingOverviews, {
		useFactory: once((c) => {
			const entitlements = c.resolve(TOKENS.entitlements);
			return new BillingOverviews({entitlements, store: entitlementStore, connections: connectionStore});
		}),
	});
	container.register(TOKENS.billingInbox, {
		useFactory: once((c) => {
			const ledger = c.resolve(TOKENS.subscriptionLedger);
			if (ledger === undefined) return undefined;
			return new BillingInbox({
				events: stores.billingEventStore,
				store: entitlementStore,
				users: userStore,
				entitlements: c.resolve(TOKENS.entitlements),
				ledger,
				care: c.resolve(TOKENS.billingCare),
				clock,
				log,
			});
		}),
	});
	container.register(TOKENS.grantedSlots, {
		useFactory: once((c) => {
			const [entitlements, care] = [c.resolve(TOKENS.entitlements), c.resolve(TOKENS.billingCare)];
			return new GrantedSlots({store: entitlementStore, users: userStore, entitlements, care, clock});
		}),
	});
	registerUsage(container, options);
}

function createCare(container: DependencyContainer, {clock, log, infrastructure}: ContainerOptions): BillingCare {
	const entitlements = container.resolve(TOKENS.entitlements);
	const slots = container.resolve(TOKENS.slots);
	const publisher = container.resolve(TOKENS.publisher);
	const connections = infrastructure.stores.connectionStore;
	return new BillingCare({
		entitlements,
		ledger: container.resolve(TOKENS.subscriptionLedger),
		slots,
		suspensions: new Suspensions({entitlements, slots, connections, publisher, clock, log}),
		notices: new Notices({entitlements, publisher, log}),
		clock,
		log,
	});
}

function registerUsage(container: DependencyContainer, {clock, infrastructure}: ContainerOptions): void {
	const {usageStore, eventStore, connectionStore} = infrastructure.stores;
	container.register(TOKENS.usageRollUp, {
		useFactory: once(() => new UsageRollUp({usage: usageStore, events: eventStore})),
	});
	container.register(TOKENS.usageReport, {
		useFactory: once((c) => {
			const rollUp = c.resolve(TOKENS.usageRollUp);
			return new UsageReport({usage: usageStore, connections: connectionStore, rollUp, clock});
		}),
	});
}
