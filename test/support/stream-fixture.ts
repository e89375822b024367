import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import express from 'express';
import {MemoryStore} from 'express-rate-limit';
import type {ClientOptions} from 'ws';
import {JoseIdentityVerifier} from '../../adapters/jose/jose-identity-verifier.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {createSqliteStores} from '../../adapters/sqlite/sqlite-stores.ts';
import {STORE_MIGRATIONS} from '../../adapters/sqlite/store-schema.ts';
import {MemoryTicketStore} from '../../adapters/system/memory-ticket-store.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import type {ChangeListener} from '../../domain/broker/control-bus.ts';
import type {Change} from '../../domain/broker/messages.ts';
import {DeletedConnections} from '../../domain/connections/deleted-connections.ts';
import {StoreUnavailableError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {Authenticator} from '../../domain/tokens/authenticator.ts';
import {SignIn} from '../../domain/tokens/sign-in.ts';
import {Tickets} from '../../domain/tokens/tickets.ts';
import {displayPrefix, hashToken, newToken, type ApiToken} from '../../domain/tokens/token.ts';
import {AddressBudget} from '../../gateway/http/address-budget.ts';
import {errorHandler} from '../../gateway/http/error-handler.ts';
import {routeNotFound} from '../../gateway/http/route-not-found.ts';
import {EventStream, type EventStreamSettings} from '../../gateway/ws/event-stream.ts';
import {StreamEndpoint} from '../../gateway/ws/stream-endpoint.ts';
import {Subscriptions} from '../../gateway/ws/subscriptions.ts';
import {eventually} from './eventually.ts';
import {LossyFanout} from './lossy-fanout.ts';
import {RecordingLogger} from './recording-logger.ts';
import {ScriptedEventStore} from './scripted-event-store.ts';
import {StreamProbe} from './stream-probe.ts';

const PUBLIC_URL = 'https://gateway.example';

/** A tenant with one token. */
export interface Tenant {
	readonly userId: string;
	readonly tokenId: string;
	readonly token: string;
}

/** Stands in for the control bus where a test announces the changes itself. */
class ControlSwitch {
	readonly #listeners: ChangeListener[] = [];

	follow(listener: ChangeListener): void {
		this.#listeners.push(listener);
	}

	change(change: Change): void {
		for (const listener of this.#listeners) listener.onChange(change);
	}

	gap(): void {
		for (const listener of this.#listeners) listener.onGap();
	}
}

export interface StreamFixtureOptions extends EventStreamSettings {
	/** Default: the machine's. */
	readonly clock?: Clock;
	/** How often an address may fail to come in; default more than any test does. */
	readonly failuresPerMinute?: number;
	/** Whose JWTs are taken; default nobody's. */
	readonly signIn?: {readonly jwksUrl: string; readonly issuer: string; readonly audience: string};
}

/** The live stream on a real HTTP server, with everything behind it in memory and in the hands of the test. */
export class StreamFixture implements AsyncDisposable {
	readonly fanout: LossyFanout;
	readonly events = new ScriptedEventStore();
	readonly control = new ControlSwitch();
	readonly log = new RecordingLogger();
	readonly stores: Stores;
	readonly stream: EventStream;
	readonly tickets: Tickets;
	/** Look-ups of tokens and connections wait for this. */
	lookup: () => Promise<void> = () => Promise.resolve();
	readonly #server: Server;
	readonly #endpoint: StreamEndpoint;
	readonly #database = new SqliteDatabase({path: ':memory:', migrations: STORE_MIGRATIONS});
	readonly #probes: StreamProbe[] = [];
	/** By user. */
	readonly #connects = new Map<string, number>();

	private constructor(
		server: Server,
		{clock, signIn, failuresPerMinute = 1_000_000, ...settings}: StreamFixtureOptions & {clock: Clock},
	) {
		this.#server = server;
		this.fanout = new LossyFanout({log: this.log});
		this.stores = createSqliteStores(this.#database);
		const {tokenStore, userStore} = this.stores;
		const findByHash = async (hash: string): Promise<ApiToken | undefined> => {
			const found = await tokenStore.findByHash(hash);
			await this.lookup();
			return found;
		};
		const find = async (id: string): Promise<ApiToken | undefined> => {
			const found = await tokenStore.find(id);
			await this.lookup();
			return found;
		};
		const tokens = {...bound(tokenStore), findByHash, find};
		const verifier = signIn && new JoseIdentityVerifier({...signIn, clock, log: this.log});
		const authenticator = new Authenticator({
			tokens,
			users: userStore,
			signIn: verifier && new SignIn({verifier, users: userStore, clock}),
			clock,
			log: this.log,
		});
		this.control.follow(authenticator);
		this.tickets = new Tickets({store: new MemoryTicketStore({clock}), authenticator, clock});
		const deleted = new DeletedConnections({store: this.stores.connectionStore, log: this.log});
		this.control.follow(deleted);
		this.stream = new EventStream({
			authenticator,
			tickets: this.tickets,
			fanout: this.fanout,
			events: this.events,
			deleted,
			subscriptions: new Subscriptions({
				connections: {
					list: async (...asked) => {
						await this.lookup();
						return this.stores.connectionStore.list(...asked);
					},
				},
			}),
			control: this.control,
			clock,
			log: this.log,
			settings,
		});
		const store = new MemoryStore();
		const budgetOf = (name: string): AddressBudget =>
			new AddressBudget({name, perMinute: failuresPerMinute, store, log: this.log});
		const endpoint = new StreamEndpoint({
			stream: this.stream,
			clock,
			publicUrl: PUBLIC_URL,
			trustProxy: 0,
			failures: budgetOf('failures'),
			handshakes: budgetOf('handshakes'),
		});
		endpoint.attach(server);
		this.#endpoint = endpoint;
		const app = express().use(endpoint.requests, routeNotFound, errorHandler({log: this.log, publicUrl: PUBLIC_URL}));
		server.on('request', app);
	}

	static async start(options: StreamFixtureOptions = {}): Promise<StreamFixture> {
		const {clock = new SystemClock()} = options;
		const server = createServer().listen(0, '127.0.0.1');
		await once(server, 'listening');
		return new StreamFixture(server, {...options, clock});
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	get url(): string {
		return `ws://127.0.0.1:${this.port}`;
	}

	/** From now on tokens and connections cannot be looked up. */
	loseTokens(): void {
		this.lookup = () => Promise.reject(new StoreUnavailableError('away on purpose'));
	}

	restoreTokens(): void {
		this.lookup = () => Promise.resolve();
	}

	/** @param token what its token is, where it is not one for everything */
	async addTenant({disabled = false, ...token}: Partial<ApiToken> & {disabled?: boolean} = {}): Promise<Tenant> {
		const userId = randomUUID();
		const createdAt = new Date();
		const user = {id: userId, email: null, name: null, isAdmin: false, disabled, createdAt};
		await this.stores.userStore.insert(user);
		return this.addToken(userId, token);
	}

	async addToken(userId: string, changes: Partial<ApiToken> = {}): Promise<Tenant> {
		const token = newToken();
		const tokenId = randomUUID();
		await this.stores.tokenStore.insert({
			id: tokenId,
			userId,
			name: 'test',
			hash: hashToken(token),
			prefix: displayPrefix(token),
			active: true,
			lastUsedAt: null,
			expiresAt: null,
			scopes: null,
			connectionIds: null,
			createdAt: new Date(),
			...changes,
		});
		return {userId, tokenId, token};
	}

	/** Opens a socket without waiting for more than the upgrade. */
	async open(pathAndQuery: string, options?: ClientOptions): Promise<StreamProbe> {
		const probe = await StreamProbe.open(this.url + pathAndQuery, options);
		this.#probes.push(probe);
		return probe;
	}

	/** Opens a tenant's socket and waits until it is live. */
	async connect({userId, token}: Tenant, options?: ClientOptions): Promise<StreamProbe> {
		const expected = (this.#connects.get(userId) ?? 0) + 1;
		this.#connects.set(userId, expected);
		const probe = await this.open(`/ws?token=${token}`, options);
		await eventually(() => {
			const admitted = this.log.of('stream.client.admitted').filter(({fields}) => fields['userId'] === userId);
			return admitted.length >= expected;
		});
		return probe;
	}

	/** Keeps no reference to the sockets that were opened so far. */
	forgetProbes(): void {
		this.#probes.length = 0;
	}

	/** Hands an event to the sockets, as the websocket dispatcher does. */
	async publish({id, event, userId, connectionId, body}: NewLoggedEvent): Promise<void> {
		await this.fanout.publish(userId, {eventId: id, event, connectionId, body: Buffer.from(body)});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const {socket} of this.#probes) socket.terminate();
		await this.#endpoint[Symbol.asyncDispose]();
		this.#server.close();
		this.#server.closeAllConnections();
		await this.#database[Symbol.asyncDispose]();
	}
}

/** The store as a plain object, so that single methods can be replaced. */
function bound(store: Stores['tokenStore']): Stores['tokenStore'] {
	return {
		insert: (token) => store.insert(token),
		findByHash: (hash) => store.findByHash(hash),
		find: (id) => store.find(id),
		listActive: (userId, page) => store.listActive(userId, page),
		revoke: (id) => store.revoke(id),
		touch: (id, at) => store.touch(id, at),
	};
}
