import {randomUUID} from 'node:crypto';
import type {Clock} from '../../../domain/ports/clock.ts';

/** An answer that somebody waits for. */
export interface ExpectedReply {
	/** Names it, in this process and every later one. */
	readonly address: string;
	/** Undefined when none came in time. */
	readonly body: Promise<Buffer | undefined>;
}

/** Brings replies to those who wait for them. They live in memory: who waits is gone with the process. */
export class Replies implements Disposable {
	readonly #clock: Clock;
	readonly #waiting = new Map<string, (body: Buffer | undefined) => void>();

	constructor({clock}: {clock: Clock}) {
		this.#clock = clock;
	}

	expect(timeoutMs: number): ExpectedReply {
		const address = randomUUID();
		const {promise, resolve} = Promise.withResolvers<Buffer | undefined>();
		const timer = this.#clock.after(timeoutMs, () => {
			this.deliver(address, undefined);
		});
		this.#waiting.set(address, (body) => {
			timer[Symbol.dispose]();
			resolve(body);
		});
		return {address, body: promise};
	}

	/** Does nothing when nobody waits any more. Undefined ends the waiting without an answer. */
	deliver(address: string, body: Buffer | undefined): void {
		this.#waiting.get(address)?.(body);
		this.#waiting.delete(address);
	}

	/** Nobody will answer any more. */
	[Symbol.dispose](): void {
		for (const address of this.#waiting.keys()) this.deliver(address, undefined);
	}
}
