import {createHmac, randomUUID} from 'node:crypto';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createContainer} from '../../config/container.ts';
import {DataDirectory} from '../../config/data-dir.ts';
import {createDispatchers} from '../../config/dispatchers.ts';
import {startGateway} from '../../config/gateway.ts';
import {loadConfig, ROLES, type Role} from '../../config/env.ts';
import {openInfrastructure} from '../../config/infrastructure.ts';
import type {SignInSettings} from '../../config/sign-in.ts';
import {TOKENS} from '../../config/tokens.ts';
import {createTopology} from '../../config/topology.ts';
import type {BillingCare} from '../../domain/billing/billing-care.ts';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {hashToken, newToken, type ApiToken, type User} from '../../domain/tokens/token.ts';
import type {GatewayDependencies} from '../../gateway/http/app.ts';
import {ApiClient} from './api-client.ts';
import {newDeployment} from './deployment.ts';
import {eventually} from './eventually.ts';
import {FaultyBroker} from './faulty-broker.ts';
import {RecordingLogger} from './recording-logger.ts';
import {sampleToken, sampleUser} from './samples.ts';
import {createTemporaryFolder} from './temporary-folder.ts';

export interface GatewayHarnessOptions {
	/** Default: more than any test uses. */
	readonly rateLimitPerMinute?: number;
	/** How many proxies stand in front; default none. */
	readonly trustProxy?: number;
	/** Whose dispatchers run; default all. */
	readonly roles?: readonly Role[];
	/** Whose JWTs are taken; default nobody's. */
	readonly signIn?: SignInSettings;
	/** More of the configuration's variables. */
	readonly env?: Readonly<Record<string, string>>;
}

/** A user with a token. */
export interface Tenant {
	readonly user: User;
	readonly token: string;
	readonly tokenId: string;
	readonly client: ApiClient;
}

export interface TenantChanges {
	readonly user?: Partial<User>;
	readonly token?: Partial<ApiToken>;
}

/** A connection as the API shows it. */
export interface ConnectionView {
	readonly id: string;
	readonly sessionName: string;
	readonly status: string;
}

/** The REST surface on a port of its own, over the embedded adapters, the simulator and running dispatchers. */
export interface GatewayHarness extends AsyncDisposable {
	readonly url: string;
	/** The base of every link in an answer. */
	readonly publicUrl: string;
	readonly log: RecordingLogger;
	readonly broker: FaultyBroker;
	readonly stores: Stores;
	/** What each store throws, while set. */
	readonly storeFaults: {connectionStore?: Error | undefined; tokenStore?: Error | undefined};
	readonly dependencies: GatewayDependencies;
	/** Sees to accounts as the supervisor does. */
	readonly billingCare: BillingCare;
	/** @param changes what user and token are instead of ordinary */
	createTenant(changes?: TenantChanges): Promise<Tenant>;
	/** Another token of the tenant. */
	addToken(tenant: Tenant, changes: Partial<ApiToken>): Promise<Tenant>;
	/** Posts an event as a worker does, signed with the session's key unless `headers` say otherwise. */
	ingest(
		session: string,
		body: string,
		options?: {worker?: string; headers?: Record<string, string>},
	): Promise<Response>;
}

export const PUBLIC_URL = 'https://gateway.example';

export async function createGatewayHarness(options: GatewayHarnessOptions = {}): Promise<GatewayHarness> {
	await using resources = new AsyncDisposableStack();
	const folder = resources.use(await createTemporaryFolder());
	const {env} = resources.use(newDeployment());
	const config = loadConfig({
		DATA_DIR: folder.path,
		PORT: '0',
		PUBLIC_URL,
		WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8,::1/128',
		RATE_LIMIT_PER_MINUTE: String(options.rateLimitPerMinute ?? 1_000_000),
		TRUST_PROXY: String(options.trustProxy ?? 0),
		SIMULATOR_SEED: randomUUID(),
		JWKS_URL: options.signIn?.jwksUrl,
		JWT_ISSUER: options.signIn?.issuer,
		JWT_AUDIENCE: options.signIn?.audience,
		...env,
		...options.env,
	});
	const clock = new SystemClock();
	const log = new RecordingLogger();
	const topology = createTopology(config.namespace);
	const directory = new DataDirectory(config.dataDir);
	const dataDirectory = (): DataDirectory => directory;
	const opened = await openInfrastructure({config, topology, dataDirectory, clock, log, resources});
	const broker = new FaultyBroker(opened.broker);
	const storeFaults: GatewayHarness['storeFaults'] = {};
	const stores = {
		...opened.stores,
		connectionStore: failing(opened.stores.connectionStore, () => storeFaults.connectionStore),
		tokenStore: failing(opened.stores.tokenStore, () => storeFaults.tokenStore),
	};
	const infrastructure = {...opened, broker, stores};
	const wiring = {config, version: '1.2.3', clock, log, topology, infrastructure, dataDirectory, resources};
	const container = createContainer(wiring);
	const control = container.resolve(TOKENS.control);
	await control.start();
	resources.defer(() => control.stop());
	const dispatchers = (options.roles ?? ROLES).flatMap((role) => createDispatchers(role, container));
	for (const dispatcher of dispatchers) await dispatcher.start();
	resources.defer(async () => {
		await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
	});
	await container.resolve(TOKENS.simulator).start();
	const ingestionSecret = container.resolve(TOKENS.ingestionSecret);
	const {http, dependencies} = await startGateway(container, wiring);
	const url = `http://127.0.0.1:${http.port}`;
	const owned = resources.move();
	return {
		url,
		publicUrl: PUBLIC_URL,
		log,
		broker,
		stores,
		storeFaults,
		dependencies,
		billingCare: container.resolve(TOKENS.billingCare),
		createTenant: (changes) => createTenant(opened.stores, url, changes),
		addToken: ({user}, changes) => addToken(opened.stores, url, user, changes),
		ingest: (session, body, {worker = 'simulator', headers} = {}) =>
			fetch(`${url}/api/events/waha/${worker}/${encodeURIComponent(session)}`, {
				method: 'POST',
				headers: {
					'content-type': 'application/json',
					...(headers ?? sign(body, ingestionKey(ingestionSecret, session))),
				},
				body,
			}),
		[Symbol.asyncDispose]: async () => {
			// Batches in hand are flushed by timers that do not keep a process alive.
			const awake = setInterval(() => undefined, 1000);
			await owned.disposeAsync();
			clearInterval(awake);
		},
	};
}

/** Creates a connection of the tenant and lets the simulator scan it. */
export async function createLinkedConnection({client}: Tenant): Promise<ConnectionView> {
	const {id} = await client.call<ConnectionView>('POST', '/connections');
	await eventually(async () => (await client.fetch('GET', `/connections/${id}/qr`)).ok);
	await client.call('POST', `/simulator/connections/${id}/scan`);
	return eventually(async () => {
		const connection = await client.call<ConnectionView>('GET', `/connections/${id}`);
		if (connection.status !== 'connected') throw new Error(`the connection is ${connection.status}`);
		return connection;
	});
}

/** The headers with which WAHA signs. */
function sign(body: string, key: string): Record<string, string> {
	return {
		'x-webhook-hmac': createHmac('sha512', key).update(body).digest('hex'),
		'x-webhook-hmac-algorithm': 'sha512',
	};
}

async function createTenant(
	stores: Stores,
	url: string,
	{user: userChanges, token}: TenantChanges = {},
): Promise<Tenant> {
	const user = sampleUser(userChanges);
	await stores.userStore.insert(user);
	return addToken(stores, url, user, token);
}

async function addToken(
	{tokenStore}: Stores,
	url: string,
	user: User,
	changes: Partial<ApiToken> = {},
): Promise<Tenant> {
	const token = newToken();
	const stored = sampleToken({userId: user.id, hash: hashToken(token), prefix: token.slice(0, 10), ...changes});
	await tokenStore.insert(stored);
	return {user, token, tokenId: stored.id, client: new ApiClient(url, token)};
}

/** The same store, but every call throws while `fault` gives an error. */
function failing<Store extends object>(store: Store, fault: () => Error | undefined): Store {
	return new Proxy(store, {
		get: (target, key) => {
			const member: unknown = Reflect.get(target, key);
			if (typeof member !== 'function') return member;
			return (...args: unknown[]): unknown => {
				const error = fault();
				if (error !== undefined) throw error;
				return Reflect.apply(member, target, args);
			};
		},
	});
}
