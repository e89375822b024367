import {once} from 'node:events';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {isSigned} from '../support/webhook-sink.ts';
import type {Arrival, ArrivalEnd} from './ledger.ts';

/** What an answer is to be: its status, after a while, with what the sender is asked to wait. */
export interface EndpointAnswer {
	readonly status: number;
	readonly afterMs?: number;
	readonly retryAfterSeconds?: number;
}

/** A tenants' endpoint that can go away and come back on the same port, and writes down whatever reaches it. */
export class ChaosEndpoint implements AsyncDisposable {
	/** Decides an answer; default 200 at once. */
	answer: (arrival: Arrival) => EndpointAnswer;
	readonly arrivals: Arrival[] = [];
	readonly #kind: string;
	readonly #secrets = new Map<string, string>();
	readonly #answering = new Set<Arrival>();
	#server: Server | undefined;
	#port = 0;

	private constructor(kind: string, answer: (arrival: Arrival) => EndpointAnswer) {
		this.#kind = kind;
		this.answer = answer;
	}

	static async start(kind: string, answer: (arrival: Arrival) => EndpointAnswer): Promise<ChaosEndpoint> {
		const endpoint = new ChaosEndpoint(kind, answer);
		await endpoint.comeBack();
		return endpoint;
	}

	/** Where a tenant's webhook posts to. */
	urlOf(tenant: number): string {
		return `http://127.0.0.1:${this.#port}/${tenant}`;
	}

	/** What that webhook signs with. */
	expect(tenant: number, signingSecret: string): void {
		this.#secrets.set(`${this.#kind}/${tenant}`, signingSecret);
	}

	/** Refuses connections from now on, and drops those there are. */
	async leave(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		for (const arrival of this.#answering) this.#end(arrival, 'dropped');
		server?.closeAllConnections();
		server?.close();
		if (server !== undefined) await once(server, 'close');
	}

	async comeBack(): Promise<void> {
		const server = createServer((request, response) => {
			const chunks: Buffer[] = [];
			request.on('data', (chunk: Buffer) => chunks.push(chunk));
			request.on('end', () => {
				this.#take(request, Buffer.concat(chunks).toString(), response);
			});
		});
		server.listen(this.#port, '127.0.0.1');
		await once(server, 'listening');
		this.#port = (server.address() as AddressInfo).port;
		this.#server = server;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.leave();
	}

	#take({url, headers}: IncomingMessage, body: string, response: ServerResponse): void {
		const atMs = performance.now();
		const webhook = `${this.#kind}${url ?? ''}`;
		const {id, payload} = JSON.parse(body) as {id: string; payload: {n: number}};
		const arrival: Arrival = {
			webhook,
			n: payload.n,
			eventId: id,
			deliveryId: String(headers['x-wahooks-delivery']),
			attempt: Number(headers['x-wahooks-attempt']),
			isSigned: isSigned({headers, body, atMs}, this.#secrets.get(webhook) ?? ''),
			atMs,
			end: undefined,
			endedAtMs: undefined,
		};
		this.arrivals.push(arrival);
		this.#answering.add(arrival);
		response.once('close', () => {
			this.#end(arrival, 'abandoned');
		});
		const {status, afterMs = 0, retryAfterSeconds} = this.answer(arrival);
		const reply = (): void => {
			if (response.destroyed) return;
			this.#end(arrival, status < 300 ? 'accepted' : 'refused');
			if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
			response.writeHead(status).end('ok');
		};
		if (afterMs === 0) reply();
		else setTimeout(reply, afterMs);
	}

	/** The first end counts. */
	#end(arrival: Arrival, end: ArrivalEnd): void {
		if (!this.#answering.delete(arrival)) return;
		arrival.end = end;
		arrival.endedAtMs = performance.now();
	}
}
