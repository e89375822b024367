import {createHmac} from 'node:crypto';
import {once} from 'node:events';
import {
	createServer,
	type IncomingHttpHeaders,
	type IncomingMessage,
	type Server,
	type ServerResponse,
} from 'node:http';

export interface ReceivedDelivery {
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
	/** Milliseconds since the epoch. */
	readonly atMs: number;
}

/** How the sink answers; the default is 200 at once. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A tenant's endpoint: a real server that keeps all it gets. */
export class WebhookSink implements AsyncDisposable {
	readonly deliveries: ReceivedDelivery[] = [];
	answer: Answer = (_, response) => response.end('ok');
	readonly #server: Server;

	private constructor() {
		this.#server = createServer((request, response) => {
			const chunks: Buffer[] = [];
			request.on('data', (chunk: Buffer) => chunks.push(chunk));
			request.on('end', () => {
				this.deliveries.push({headers: request.headers, body: Buffer.concat(chunks).toString(), atMs: Date.now()});
				this.answer(request, response);
			});
		});
	}

	static async start(): Promise<WebhookSink> {
		const sink = new WebhookSink();
		sink.#server.listen(0, '127.0.0.1');
		await once(sink.#server, 'listening');
		return sink;
	}

	get url(): string {
		const address = this.#server.address();
		return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/hook`;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, 'close');
	}
}

/** Checks `X-WAHooks-Signature` the way a receiver does: over the timestamp and the exact bytes. */
export function isSigned({headers, body}: ReceivedDelivery, secret: string): boolean {
	const timestamp = String(headers['x-wahooks-timestamp']);
	const expected = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
	return headers['x-wahooks-signature'] === `sha256=${expected}`;
}
