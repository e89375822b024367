import {randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import {ApiClient} from '../support/api-client.ts';
import {eventually} from '../support/eventually.ts';
import {FakeWaha} from '../support/fake-waha.ts';
import {GatewayProcess} from '../support/gateway-process.ts';
import type {Source} from './processes/generator.ts';
import type {Platform} from './platform.ts';

const WORKER = 'bench';
/** Sessions wait for their phone for as long as a run may take. */
const QR_LIFETIME_MS = 3_600_000;
/** Connections that are created side by side. */
const SIDE_BY_SIDE = 20;

/** A connection that events can be sent to. */
export interface Line {
	readonly connectionId: string;
	/** Its session with the events that were asked for. */
	readonly source: (...events: readonly string[]) => Source;
}

/** The program under test: real processes as a user starts them, a (fake) WAHA server, and one tenant. */
export class Program implements AsyncDisposable {
	readonly client: ApiClient;
	/** Of all its processes the one that posts to webhooks. */
	readonly dispatcher: GatewayProcess;
	readonly processes: readonly GatewayProcess[];
	readonly #waha: FakeWaha;
	readonly #secret: string;
	readonly #resources: AsyncDisposableStack;

	private constructor(options: {
		processes: readonly GatewayProcess[];
		dispatcher: GatewayProcess;
		client: ApiClient;
		waha: FakeWaha;
		secret: string;
		resources: AsyncDisposableStack;
	}) {
		this.processes = options.processes;
		this.dispatcher = options.dispatcher;
		this.client = options.client;
		this.#waha = options.waha;
		this.#secret = options.secret;
		this.#resources = options.resources;
	}

	/**
	 * @param nodeOptions NODE_OPTIONS of its processes beside those of the platform, for a profile
	 * @param settings environment variables besides
	 */
	static async start(
		platform: Platform,
		nodeOptions = '',
		settings: Readonly<Record<string, string>> = {},
	): Promise<Program> {
		await using resources = new AsyncDisposableStack();
		const dataDir = await mkdtemp(join(tmpdir(), 'bench-'));
		resources.defer(() => rm(dataDir, {recursive: true, force: true}));
		const tenancy = resources.use(platform.rent());
		const timing = {qrLifetimesMs: [QR_LIFETIME_MS]};
		const waha = resources.use(await FakeWaha.start({engine: 'NOWEB', timing}));
		const token = `wh_${randomBytes(24).toString('hex')}`;
		const secret = randomBytes(32).toString('hex');
		const start = await platform.startSettings();
		const env = {
			DATA_DIR: dataDir,
			MEDIA_DIR: join(dataDir, 'media'),
			BOOTSTRAP_TOKEN: token,
			ENCRYPTION_KEY: randomBytes(32).toString('hex'),
			INGESTION_SECRET: secret,
			WAHA_WORKERS: `${waha.url.replace('http://', `http://${WORKER}:${waha.apiKey}@`)}?engine=NOWEB&capacity=100000`,
			RATE_LIMIT_PER_MINUTE: '1000000',
			...start.env,
			NODE_OPTIONS: [...start.nodeOptions, nodeOptions].join(' '),
			...tenancy.env,
			...settings,
		};
		const processes: GatewayProcess[] = [];
		for (const roles of platform.processes) {
			const publicUrl = processes[0] && {PUBLIC_URL: processes[0].url};
			const process = await GatewayProcess.start({env: {...env, ...publicUrl}, ...(roles !== undefined && {roles})});
			processes.push(resources.use(process));
		}
		const [first, dispatcher = first] = processes;
		if (first === undefined || dispatcher === undefined) throw new Error('the platform has no process');
		const client = new ApiClient(first.url, token);
		return new Program({processes, dispatcher, client, waha, secret, resources: resources.move()});
	}

	/** Of all its processes the one that tenants talk to. */
	get gateway(): GatewayProcess {
		const [gateway] = this.processes;
		if (gateway === undefined) throw new Error('the platform has no process');
		return gateway;
	}

	/** A linked connection. @param client of its owner; default the administrator's */
	async connect(client = this.client): Promise<Line> {
		const {id, sessionName: session} = await client.call<{id: string; sessionName: string}>('POST', '/connections', {
			name: 'bench',
		});
		await eventually(() => this.#waha.session(session).status === 'SCAN_QR_CODE');
		this.#waha.scan(session);
		const url = `${this.gateway.url}/api/events/waha/${WORKER}/${session}`;
		const key = ingestionKey(this.#secret, session);
		return {connectionId: id, source: (...events) => ({url, session, key, events})};
	}

	/** Linked connections. */
	async connectMany(count: number): Promise<readonly Line[]> {
		const lines: Line[] = [];
		while (lines.length < count) {
			const some = Math.min(SIDE_BY_SIDE, count - lines.length);
			lines.push(...(await Promise.all(Array.from({length: some}, () => this.connect()))));
		}
		return lines;
	}

	/** @returns the webhook's id */
	async addWebhook(
		{connectionId}: Line,
		webhook: {url: string; events: readonly string[]; concurrency?: number},
	): Promise<string> {
		const {id} = await this.client.call<{id: string}>('POST', `/connections/${connectionId}/webhooks`, webhook);
		return id;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources.disposeAsync();
	}
}
