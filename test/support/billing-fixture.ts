import {buySlots} from './buy-slots.ts';
import {eventually} from './eventually.ts';
import type {FakeSubscription} from './fake-stripe-account.ts';
import {FakeStripe} from './fake-stripe.ts';
import {createGatewayHarness, type ConnectionView, type GatewayHarness, type Tenant} from './gateway-harness.ts';

const DAY_MS = 24 * 60 * 60_000;

/** What `GET /billing/status` answers. */
export interface StatusView {
	readonly subscription: {readonly active: boolean; readonly status: string | null; readonly monthlyAmount: number};
	readonly slots: {readonly paid: number; readonly used: number; readonly available: number};
	readonly unlimited: boolean;
	readonly suspended: number;
	readonly banner: {readonly kind: string; readonly message: string; readonly until: string | null} | null;
}

/** A gateway that sells slots at a Stripe of its own. */
export class BillingFixture implements AsyncDisposable {
	readonly gateway: GatewayHarness;
	readonly stripe: FakeStripe;

	private constructor(gateway: GatewayHarness, stripe: FakeStripe) {
		this.gateway = gateway;
		this.stripe = stripe;
	}

	/** @param env more of the configuration's variables */
	static async create(env: Readonly<Record<string, string>> = {}): Promise<BillingFixture> {
		const stripe = await FakeStripe.start();
		return new BillingFixture(await createGatewayHarness({env: {...stripe.env, ...env}}), stripe);
	}

	/** Delivers all events that there are; each has to be taken. */
	async deliverAll(): Promise<void> {
		for (const event of this.stripe.account.takeEvents()) {
			const {status} = await this.stripe.deliver(this.gateway.url, event);
			if (status !== 201) throw new Error(`${event.type} was answered ${status}`);
		}
	}

	/** A tenant who bought slots, and whose purchase is known. */
	async createCustomer(quantity: number): Promise<{tenant: Tenant; subscription: FakeSubscription}> {
		const tenant = await this.gateway.createTenant();
		const subscription = await this.buy(tenant, quantity);
		await this.deliverAll();
		return {tenant, subscription};
	}

	/** Checks out and pays; what Stripe tells of it is not delivered. */
	buy(tenant: Tenant, quantity: number): Promise<FakeSubscription> {
		return buySlots(tenant, this.stripe, quantity);
	}

	status({client}: Tenant): Promise<StatusView> {
		return client.call<StatusView>('GET', '/billing/status');
	}

	/** The status of each connection, oldest first. */
	async statusesOf({client}: Tenant): Promise<readonly string[]> {
		return (await client.call<ConnectionView[]>('GET', '/connections')).map(({status}) => status);
	}

	/** The names of what the tenant was told of his account, in order, once there are so many. */
	toldTo({user}: Tenant, count: number): Promise<readonly string[]> {
		return eventually(async () => {
			const events = await this.gateway.stores.eventStore.listAfter(user.id, 0, 1000);
			const told = events.filter(({event}) => event.startsWith('billing.')).map(({event}) => event);
			if (told.length < count) throw new Error(`told so far: ${told.join()}`);
			return told;
		});
	}

	/** As the supervisor does, every now and then. */
	async tend({user}: Tenant): Promise<void> {
		const entitlement = await this.gateway.stores.entitlementStore.find(user.id);
		if (entitlement !== undefined) await this.gateway.billingCare.tend(entitlement);
	}

	/** As if the tenant's account had last been compared with Stripe's a day ago. */
	async forgetComparison({user}: Tenant): Promise<void> {
		const {entitlementStore} = this.gateway.stores;
		const stored = await entitlementStore.find(user.id);
		if (stored === undefined) throw new Error('no entitlement');
		await entitlementStore.save({...stored, checkedAt: new Date(Date.now() - DAY_MS)});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.gateway[Symbol.asyncDispose]();
		await this.stripe[Symbol.asyncDispose]();
	}
}
