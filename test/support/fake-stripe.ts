import {createHmac, randomBytes, randomUUID} from 'node:crypto';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import {once} from 'node:events';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';
import {DeclinedError, FakeStripeAccount, PRICES, type FakeEvent, type FakeSession} from './fake-stripe-account.ts';
import {parseForm, textAt, textsAt, type FormValue} from './fake-stripe-form.ts';

interface Answer {
	readonly status: number;
	readonly body: object;
	readonly isReplay?: boolean;
}

interface FakeRequest {
	readonly method: string;
	readonly path: string;
	readonly idempotencyKey: string | undefined;
	readonly version: string | undefined;
}

type Form = Readonly<Record<string, FormValue>>;

/** Stripe's API over HTTP, as far as slots need it, with a state of its own, and with faults on demand. */
export class FakeStripe implements AsyncDisposable {
	readonly account = new FakeStripeAccount();
	readonly webhookSecret = `whsec_${randomBytes(16).toString('hex')}`;
	/** Every request that came in, retries included. */
	readonly requests: FakeRequest[] = [];
	/** `erring`: 500, nothing was done, and the request's key answers so ever after. `hanging`: no answer, nothing was done. `losing answers`: done, but nobody hears of it. */
	mode: 'working' | 'erring' | 'hanging' | 'losing answers' = 'working';
	/** What it says when somebody asks for the subscriptions of a deleted customer. */
	ofDeleted: 'no such customer' | 'nothing' | 'what he had' = 'no such customer';
	/** A setting of the customer portal. */
	canChangeInPortal = true;
	/** For the next request only; after it all is well again. */
	isModeForOne = false;
	/** Called before each request is worked on. */
	before: (request: FakeRequest) => Promise<void> = () => Promise.resolve();
	readonly #server: Server;
	/** Answers by idempotency key, failures too, with what was asked. */
	readonly #answers = new Map<string, {readonly asked: string; readonly answer: Answer}>();

	private constructor(server: Server) {
		this.#server = server;
		server.on('request', (request: IncomingMessage, response: ServerResponse) => {
			this.#handle(request, response).catch(() => response.destroy());
		});
	}

	static async start(): Promise<FakeStripe> {
		const fake = new FakeStripe(createServer());
		fake.#server.listen(0, '127.0.0.1');
		await once(fake.#server, 'listening');
		return fake;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	/** What a gateway needs to know to sell there. */
	get env(): Readonly<Record<string, string>> {
		return {
			STRIPE_SECRET_KEY: 'sk_test_fake',
			STRIPE_USD_PRICE_ID: 'price_usd',
			STRIPE_INR_PRICE_ID: 'price_inr',
			STRIPE_WEBHOOK_SECRET: this.webhookSecret,
			STRIPE_API_URL: this.url,
			FRONTEND_URL: 'https://dashboard.example',
		};
	}

	/** Posts an event. @param ageMs how long ago it was signed */
	deliver(gatewayUrl: string, event: FakeEvent, {ageMs = 0, secret = this.webhookSecret} = {}): Promise<Response> {
		const body = JSON.stringify(event);
		return fetch(`${gatewayUrl}/api/stripe/webhook`, {
			method: 'POST',
			headers: {'content-type': 'application/json', 'stripe-signature': this.sign(body, {ageMs, secret})},
			body,
		});
	}

	sign(body: string, {ageMs = 0, secret = this.webhookSecret} = {}): string {
		const t = Math.floor((Date.now() + this.account.aheadMs - ageMs) / 1000);
		return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
	}

	/** Requests that change something, by path. */
	writes(path: string): number {
		return this.requests.filter((request) => request.method === 'POST' && request.path.startsWith(path)).length;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#server.close();
		this.#server.closeAllConnections();
		await once(this.#server, 'close');
	}

	async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const {pathname, searchParams} = new URL(request.url ?? '', this.url);
		const body = await text(request);
		const key = request.headers['idempotency-key'] as string | undefined;
		const version = request.headers['stripe-version'] as string | undefined;
		const seen = {method: request.method ?? '', path: pathname, idempotencyKey: key, version};
		this.requests.push(seen);
		await this.before(seen);
		const {mode} = this;
		if (this.isModeForOne) {
			this.mode = 'working';
			this.isModeForOne = false;
		}
		if (mode === 'hanging') return;
		const form = parseForm(request.method === 'GET' ? searchParams.toString() : body);
		const answer = this.#once(key, `${pathname} ${body}`, () =>
			mode === 'erring' ? ERROR : this.#route(`${seen.method} ${pathname}`, form),
		);
		if (mode === 'losing answers') {
			response.destroy();
			return;
		}
		this.#send(response, answer);
	}

	/** The same key gives the same answer, and nothing is done again. */
	#once(key: string | undefined, asked: string, work: () => Answer): Answer {
		const known = key === undefined ? undefined : this.#answers.get(key);
		if (known !== undefined) {
			return known.asked === asked
				? {...known.answer, isReplay: true}
				: invalid('Keys for idempotent requests can only be used with the same parameters', 'idempotency_error');
		}
		const answer = work();
		if (key !== undefined) this.#answers.set(key, {asked, answer});
		return answer;
	}

	#route(operation: string, form: Form): Answer {
		const [, id = ''] = /\/v1\/(?:customers|subscriptions|checkout\/sessions)\/(\w+_[\w-]+)/.exec(operation) ?? [];
		switch (id === '' ? operation : operation.replace(id, ':id')) {
			case 'POST /v1/customers':
				return this.#createCustomer(form);
			case 'GET /v1/customers/:id':
				return this.#findCustomer(id);
			case 'GET /v1/subscriptions':
				return this.#listSubscriptions(form);
			case 'GET /v1/subscriptions/:id':
				return this.#findSubscription(id);
			case 'POST /v1/subscriptions/:id':
				return this.#updateSubscription(id, form);
			case 'POST /v1/checkout/sessions':
				return this.#createSession(form);
			case 'GET /v1/checkout/sessions':
				return this.#listSessions(form);
			case 'GET /v1/checkout/sessions/:id':
				return this.#withSession(id, (session) => ok(this.account.toSession(session)));
			case 'POST /v1/checkout/sessions/:id/expire':
				return this.#withSession(id, (session) => this.#expire(session));
			case 'POST /v1/billing_portal/sessions':
				return this.#createPortal(form);
			default:
				return {
					status: 404,
					body: {error: {type: 'invalid_request_error', message: `Unrecognized request ${operation}`}},
				};
		}
	}

	#createCustomer(form: Form): Answer {
		const customer = {id: `cus_${randomUUID()}`, object: 'customer', metadata: textsAt(form, 'metadata')};
		this.account.customers.set(customer.id, customer);
		return ok(customer);
	}

	#findCustomer(id: string): Answer {
		const customer = this.account.customers.get(id);
		return customer === undefined ? missing('id') : ok({object: 'customer', ...customer});
	}

	#findSubscription(id: string): Answer {
		const subscription = this.account.subscriptions.get(id);
		return subscription === undefined ? missing('id') : ok(this.account.toSubscription(subscription));
	}

	#isThere(customer: string): boolean {
		const known = this.account.customers.get(customer);
		return known !== undefined && known.deleted !== true;
	}

	#listSubscriptions(form: Form): Answer {
		const customer = textAt(form, 'customer') ?? '';
		const isDeleted = this.account.customers.get(customer)?.deleted === true;
		if (isDeleted && this.ofDeleted === 'nothing') return ok(list([]));
		if (!this.#isThere(customer) && !(isDeleted && this.ofDeleted === 'what he had')) return missing('customer');
		const found = [...this.account.subscriptions.values()].filter((each) => each.customer === customer);
		return ok(list(found.map((each) => this.account.toSubscription(each))));
	}

	#updateSubscription(id: string, form: Form): Answer {
		const subscription = this.account.subscriptions.get(id);
		if (subscription === undefined) return missing('id');
		if (subscription.itemId !== textAt(form, 'items', '0', 'id')) return missing('items[0][id]');
		if (textAt(form, 'proration_behavior') !== 'always_invoice') return invalid('the difference is not invoiced');
		if (textAt(form, 'payment_behavior') !== 'error_if_incomplete') return invalid('it may stay incomplete');
		try {
			this.account.changeQuantity(subscription, Number(textAt(form, 'items', '0', 'quantity')));
		} catch (error) {
			if (!(error instanceof DeclinedError)) throw error;
			const declined = {type: 'card_error', code: 'card_declined', message: 'Your card was declined.'};
			return {status: 402, body: {error: declined}};
		}
		return ok(this.account.toExpanded(subscription));
	}

	#createSession(form: Form): Answer {
		const customer = textAt(form, 'customer') ?? '';
		if (!this.#isThere(customer)) return missing('customer');
		const price = textAt(form, 'line_items', '0', 'price') as keyof typeof PRICES;
		if (!(price in PRICES) || textAt(form, 'mode') !== 'subscription') return invalid('No such price');
		const id = `cs_${randomUUID()}`;
		const session: FakeSession = {
			id,
			url: `https://checkout.stripe.example/${id}`,
			customer,
			price,
			quantity: Number(textAt(form, 'line_items', '0', 'quantity')),
			created: this.account.now,
			reference: textAt(form, 'client_reference_id') ?? '',
			metadata: textsAt(form, 'metadata'),
			subscriptionMetadata: textsAt(form, 'subscription_data', 'metadata'),
			status: 'open',
			subscription: null,
		};
		this.account.sessions.set(id, session);
		return ok(this.account.toSession(session));
	}

	#listSessions(form: Form): Answer {
		const [customer, status] = [textAt(form, 'customer'), textAt(form, 'status')];
		const found = [...this.account.sessions.values()].filter(
			(each) => each.customer === customer && each.status === status,
		);
		return ok(list(found.map((each) => this.account.toSession(each))));
	}

	#expire(session: FakeSession): Answer {
		if (session.status !== 'open') return invalid(`This Session is not open: it is ${session.status}`);
		session.status = 'expired';
		return ok(this.account.toSession(session));
	}

	#createPortal(form: Form): Answer {
		const customer = textAt(form, 'customer') ?? '';
		if (!this.#isThere(customer)) return missing('customer');
		const flow = textAt(form, 'flow_data', 'type') ?? 'home';
		if (flow !== 'home' && !this.canChangeInPortal)
			return invalid('This feature is disabled in your portal configuration');
		const id = `bps_${randomUUID()}`;
		return ok({id, object: 'billing_portal.session', url: `https://billing.stripe.example/${customer}/${flow}`});
	}

	#withSession(id: string, work: (session: FakeSession) => Answer): Answer {
		const session = this.account.sessions.get(id);
		return session === undefined ? missing('id') : work(session);
	}

	#send(response: ServerResponse, {status, body, isReplay = false}: Answer): void {
		response.writeHead(status, {
			...(isReplay && {'Idempotent-Replayed': 'true'}),
			'Content-Type': 'application/json',
			Date: new Date(this.account.now * 1000).toUTCString(),
			'Request-Id': `req_${randomUUID()}`,
		});
		response.end(JSON.stringify(body));
	}
}

const ERROR: Answer = {status: 500, body: {error: {type: 'api_error', message: 'on purpose'}}};

function ok(body: object): Answer {
	return {status: 200, body};
}

function list(data: readonly object[]): object {
	return {object: 'list', data, has_more: false, url: '/'};
}

function invalid(message: string, type = 'invalid_request_error'): Answer {
	return {status: 400, body: {error: {type, message}}};
}

function missing(param: string): Answer {
	const error = {type: 'invalid_request_error', code: 'resource_missing', param, message: `No such ${param}`};
	return {status: 400, body: {error}};
}
