import type {ServerResponse} from 'node:http';
import {WebhookSink, type ReceivedDelivery} from './webhook-sink.ts';

/** An endpoint that answers when the test says so. */
export class HeldSink implements AsyncDisposable {
	readonly #sink: WebhookSink;
	readonly #held: ServerResponse[] = [];

	private constructor(sink: WebhookSink) {
		this.#sink = sink;
		sink.answer = (_, response) => this.#held.push(response);
	}

	static async start(): Promise<HeldSink> {
		return new HeldSink(await WebhookSink.start());
	}

	get url(): string {
		return this.#sink.url;
	}

	get deliveries(): readonly ReceivedDelivery[] {
		return this.#sink.deliveries;
	}

	/** Answers what waits, and from now on at once. */
	release(): void {
		this.#sink.answer = (_, response) => response.end('ok');
		for (const response of this.#held.splice(0)) response.end('ok');
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#sink[Symbol.asyncDispose]();
	}
}
