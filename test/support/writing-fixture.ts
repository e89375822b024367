import {randomUUID} from 'node:crypto';
import type {RequestListener} from 'node:http';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createTopology} from '../../config/topology.ts';
import {decodeCommand, encodeReply} from '../../domain/broker/messages.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import {Conversations} from '../../domain/conversations/conversations.ts';
import type {ChatCommand, Command, CommandReply, SendCommand} from '../../domain/messaging/command.ts';
import {Messaging} from '../../domain/messaging/messaging.ts';
import type {Broker, OutgoingMessage} from '../../domain/ports/broker.ts';
import type {Capability, CapabilityTable, WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import {createApp} from '../../gateway/http/app.ts';
import {HttpServer} from '../../gateway/http/server.ts';
import {ApiClient} from './api-client.ts';
import {ChatHistory} from './chat-history.ts';
import {createGatewayHarness, type GatewayHarness, type Tenant} from './gateway-harness.ts';
import {MemoryMediaStore} from './memory-media-store.ts';
import {sampleConnection} from './samples.ts';

/** What the routes that write ask of the rest: a command each. */
type WrittenCommand = SendCommand | ChatCommand;

/** Distributes over the union, so that each kind keeps its own fields. */
type WithoutIds<T> = T extends unknown ? Omit<T, 'id' | 'userId' | 'connectionId'> : never;

/** The routes that write, up to the broker: what would be done is noted, and answered as the test says. */
export class WritingFixture implements AsyncDisposable {
	readonly gateway: GatewayHarness;
	readonly media: MemoryMediaStore;
	readonly tenant: Tenant;
	readonly connectionId: string;
	readonly client: ApiClient;
	readonly url: string;
	/** What the server runs. */
	readonly listener: RequestListener;
	/** Every command that reached the broker. */
	readonly commands: WrittenCommand[];
	/** What the dispatcher answers; undefined = nothing in time. */
	reply: CommandReply | undefined = {ok: true, messageId: 'true_1@c.us_3EB0', timestamp: 1_795_000_000};
	/** What the engine cannot do. */
	readonly lacking = new Map<string, string>();
	/** What it knows of messages, for those that are not named by their full id. */
	readonly history: ChatHistory;
	readonly #resources: AsyncDisposableStack;

	private constructor(parts: {
		gateway: GatewayHarness;
		media: MemoryMediaStore;
		tenant: Tenant;
		connectionId: string;
		url: string;
		listener: RequestListener;
		commands: WrittenCommand[];
		history: ChatHistory;
		resources: AsyncDisposableStack;
	}) {
		this.gateway = parts.gateway;
		this.media = parts.media;
		this.tenant = parts.tenant;
		this.connectionId = parts.connectionId;
		this.url = parts.url;
		this.listener = parts.listener;
		this.commands = parts.commands;
		this.history = parts.history;
		this.#resources = parts.resources;
		this.client = new ApiClient(parts.url, parts.tenant.token);
	}

	static async create(media = new MemoryMediaStore({clock: new SystemClock()})): Promise<WritingFixture> {
		await using resources = new AsyncDisposableStack();
		const gateway = resources.use(await createGatewayHarness({roles: []}));
		const {clock} = gateway.dependencies;
		const commands: WrittenCommand[] = [];
		const broker: Pick<Broker, 'publish' | 'request'> = {
			publish: (message) => {
				commands.push(readCommand(message));
				return Promise.resolve();
			},
			request: (message) => {
				commands.push(readCommand(message));
				const {reply} = fixture;
				return Promise.resolve(reply && encodeReply(reply));
			},
		};
		const history = new ChatHistory({});
		const engine = {capabilities: () => capabilities(fixture.lacking), history} as Partial<WhatsAppEngine>;
		const engines = {...gateway.dependencies.workers, engineOf: () => engine as WhatsAppEngine};
		const commandStore = gateway.stores.commandStore;
		const messaging = new Messaging({
			commands: commandStore,
			engines,
			media,
			conversations: new Conversations({engines, commands: commandStore, clock}),
			publisher: new Publisher({broker: broker as Broker, topology: createTopology(), clock}),
			clock,
		});
		const listener = createApp({...gateway.dependencies, messaging, mediaStore: media});
		const {publicUrl} = gateway;
		const server = resources.use(await HttpServer.listen({listener, host: '127.0.0.1', port: 0, publicUrl}));
		const tenant = await gateway.createTenant();
		const connection = sampleConnection({userId: tenant.user.id, workerId: randomUUID(), status: 'connected'});
		await gateway.stores.connectionStore.insert(connection);
		const fixture = new WritingFixture({
			gateway,
			media,
			tenant,
			connectionId: connection.id,
			url: `http://127.0.0.1:${server.port}`,
			listener,
			commands,
			history,
			resources: resources.move(),
		});
		return fixture;
	}

	/** Of the connection, such as `send-image`. */
	post(name: string, body?: unknown, headers?: Record<string, string>): Promise<Response> {
		return this.client.fetch('POST', `/connections/${this.connectionId}/${name}`, body, headers);
	}

	/** The same, with a body as it is. */
	postRaw(name: string, body: RequestInit['body'], headers: Record<string, string> = {}): Promise<Response> {
		return fetch(`${this.url}/api/connections/${this.connectionId}/${name}`, {
			method: 'POST',
			headers: {authorization: `Bearer ${this.tenant.token}`, 'content-type': 'application/json', ...headers},
			body: body ?? null,
			duplex: 'half',
		});
	}

	/** The command that came last, without the ids that are new each time. */
	last(): WithoutIds<WrittenCommand> {
		const {id: _id, userId: _userId, connectionId: _connectionId, ...rest} = this.commands.at(-1) as WrittenCommand;
		return rest;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources.disposeAsync();
	}
}

function readCommand(message: OutgoingMessage): WrittenCommand {
	return decodeCommand({...message, redelivered: false}) as Exclude<Command, {sessionName: string}>;
}

/** An engine that can do everything but what is named. */
function capabilities(lacking: ReadonlyMap<string, string>): CapabilityTable {
	return new Proxy({} as CapabilityTable, {
		get: (_table, operation): Capability => {
			const note = lacking.get(String(operation));
			return note === undefined ? {level: 'yes'} : {level: 'no', note};
		},
	});
}
