import {once} from 'node:events';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import type {FakeContent, FakeEngine} from './fake-waha-content.ts';
import {FakeFiles} from './fake-waha-files.ts';
import {
	FakeException,
	readRequest,
	write,
	type FakeAnswer,
	type FakeRequest,
	type FakeWorld,
} from './fake-waha-http.ts';
import {FakeMessage} from './fake-waha-messages.ts';
import {answerTo, exceptionBody} from './fake-waha-routes.ts';
import {FakeWahaSession, type FakeEnvelope, type FakeWahaTiming} from './fake-waha-session.ts';
import {FakeWahaWebhooks, type FakeDelivery} from './fake-waha-webhooks.ts';

/**
 * A fault in answering a call. `reset`, `hang` and `empty` do the work first, so that a send has gone out: the worst that
 * can happen to a caller. `exception` (a 500 as WAHA writes it) and `answer` do nothing.
 */
export type FakeFault =
	| {readonly kind: 'reset' | 'hang' | 'empty'}
	| {readonly kind: 'exception'; readonly message: string}
	| {readonly kind: 'answer'; readonly status: number; readonly body: string; readonly location?: string};

export interface FakeWahaOptions {
	/** Default GOWS. */
	readonly engine?: FakeEngine;
	/** What every call but `/ping` must carry. Default `waha-key`. */
	readonly apiKey?: string;
	readonly timing?: Partial<FakeWahaTiming>;
	/** Shortens the waits between two tries of a webhook. Default 0.01. */
	readonly retryScale?: number;
	/** For how long files are kept, in milliseconds. Default 180 s, as WAHA's. */
	readonly filesLifetimeMs?: number;
	/** Default any free one. */
	readonly port?: number;
}

/** A message that somebody sends to a session. */
export interface FakeIncoming {
	readonly from: string;
	/** Set for a group. */
	readonly chatId?: string;
	readonly pushName?: string;
	readonly content: FakeContent;
	/** Unix seconds. Default now. */
	readonly timestamp?: number;
	readonly replyTo?: string;
}

const DEFAULT_TIMING: FakeWahaTiming = {
	startMs: 20,
	qrLifetimesMs: [60_000, 20_000, 20_000, 20_000, 20_000, 20_000],
	waitMs: 100,
	ackMs: 10,
};

/** A WAHA server as its API description and its source have it: sessions, pairing, messages, chats, media, signed webhooks. */
export class FakeWaha implements AsyncDisposable {
	readonly apiKey: string;
	/** How many files are being sent. */
	transfers = 0;
	/** Everything that was asked, in order. */
	readonly requests: FakeRequest[] = [];
	readonly #world: FakeWorld;
	readonly #webhooks: FakeWahaWebhooks;
	readonly #faults: {readonly method: string; readonly path: string; readonly fault: FakeFault; times: number}[] = [];
	readonly #server = createServer((request, response) => {
		this.#serve(request, response).catch((error: unknown) => {
			response.destroy(error instanceof Error ? error : undefined);
		});
	});

	private constructor(options: FakeWahaOptions) {
		const {engine = 'GOWS', apiKey = 'waha-key', timing, retryScale = 0.01, filesLifetimeMs = 180_000} = options;
		this.apiKey = apiKey;
		this.#webhooks = new FakeWahaWebhooks({retryScale});
		const times = {...DEFAULT_TIMING, ...timing};
		const sessions = new Map<string, FakeWahaSession>();
		const report = (session: FakeWahaSession, envelope: FakeEnvelope): void => {
			void this.#post(session, envelope, (webhook, event) => FakeWahaWebhooks.subscribes(webhook, event));
		};
		this.#world = {
			engine,
			sessions,
			startedAtMs: Date.now(),
			ackMs: times.ackMs,
			files: new FakeFiles({lifetimeMs: filesLifetimeMs}),
			create: (name, config) => {
				const session = new FakeWahaSession({name, config, engine, timing: times, report});
				sessions.set(name, session);
				return session;
			},
		};
	}

	static async start(options: FakeWahaOptions = {}): Promise<FakeWaha> {
		const waha = new FakeWaha(options);
		waha.#server.listen(options.port ?? 0, '127.0.0.1');
		await once(waha.#server, 'listening');
		return waha;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	/** @throws {Error} when there is no such session. */
	session(name: string): FakeWahaSession {
		const session = this.#world.sessions.get(name);
		if (session === undefined) throw new Error(`no session ${name}`);
		return session;
	}

	/** The phone scans the QR code that the session shows. */
	scan(name: string): void {
		this.session(name).scan();
	}

	/** Somebody writes to a session: it is filed, and reported as `message` and `message.any`. */
	receive(name: string, {from, chatId = from, pushName = 'John Doe', ...incoming}: FakeIncoming): FakeMessage {
		const session = this.session(name);
		const {engine, files} = this.#world;
		const me = session.me?.['id'] ?? '';
		const message = new FakeMessage({engine, me, chatId, sender: from, ...incoming});
		session.chats.contacts.set(from, pushName);
		session.keep(message, files);
		session.reportIncoming(message.payload);
		return message;
	}

	/** Forgets all files, as their lifetime or a restart does. */
	expireFiles(): void {
		this.#world.files.clear();
	}

	/**
	 * Posts any envelope to the session's webhooks, whatever they subscribe to, under the session's name.
	 * Resolves when every one was delivered or given up.
	 */
	emit(name: string, envelope: FakeEnvelope): Promise<readonly FakeDelivery[]> {
		return this.#post(this.session(name), {...envelope, session: name}, () => true);
	}

	/** Makes the next calls fail. */
	failNext(method: string, path: string, fault: FakeFault, times = 1): void {
		this.#faults.push({method, path, fault, times});
	}

	/** The calls of one kind that came so far. */
	requestsTo(method: string, path: string): readonly FakeRequest[] {
		return this.requests.filter((request) => request.method === method && request.path === path);
	}

	/** Forgets sessions and pending webhooks, and closes every connection. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#webhooks[Symbol.dispose]();
		for (const session of this.#world.sessions.values()) session.stop();
		this.#server.close();
		this.#server.closeAllConnections();
		await once(this.#server, 'close');
	}

	async #post(
		session: FakeWahaSession,
		envelope: FakeEnvelope,
		isMeant: typeof FakeWahaWebhooks.subscribes,
	): Promise<readonly FakeDelivery[]> {
		const webhooks = (session.config?.webhooks ?? []).filter((one) => isMeant(one, String(envelope['event'])));
		return Promise.all(webhooks.map((webhook) => this.#webhooks.deliver(webhook, envelope)));
	}

	async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
		const request = await readRequest(incoming);
		this.requests.push(request);
		if (request.path.startsWith('/api/files/')) this.#count(response);
		const key = request.headers['x-api-key'] ?? request.query.get('x-api-key');
		if (key !== this.apiKey && request.path !== '/ping') {
			write(response, {status: 401, body: {message: 'Unauthorized', statusCode: 401}});
			return;
		}
		await this.#answer(request, response, this.#takeFault(request));
	}

	#count(response: ServerResponse): void {
		this.transfers += 1;
		response.once('close', () => (this.transfers -= 1));
	}

	async #answer(request: FakeRequest, response: ServerResponse, fault: FakeFault | undefined): Promise<void> {
		switch (fault?.kind) {
			case undefined:
				write(response, await this.#work(request));
				break;
			case 'exception':
				write(response, this.#exception(request, fault.message));
				break;
			case 'answer':
				response.writeHead(fault.status, fault.location === undefined ? {} : {location: fault.location});
				response.end(fault.body);
				break;
			case 'empty':
				write(response, {status: (await this.#work(request)).status});
				break;
			case 'reset':
				await this.#work(request);
				response.socket?.resetAndDestroy();
				break;
			case 'hang':
				await this.#work(request);
				break;
		}
	}

	/** What WAHA stumbles over is a 500. */
	async #work(request: FakeRequest): Promise<FakeAnswer> {
		try {
			return await answerTo(this.#world, request);
		} catch (error) {
			if (error instanceof FakeException || error instanceof TypeError) return this.#exception(request, error.message);
			throw error;
		}
	}

	#exception(request: FakeRequest, message: string): FakeAnswer {
		return {status: 500, body: exceptionBody(request, message, this.#world.engine)};
	}

	#takeFault({method, path}: FakeRequest): FakeFault | undefined {
		const found = this.#faults.find((one) => one.method === method && one.path === path && one.times > 0);
		if (found !== undefined) found.times -= 1;
		return found?.fault;
	}
}
