import {setTimeout as sleep} from 'node:timers/promises';
import {Child} from './child.ts';
import type {SinkAddress, SinkQuestion} from './processes/sink.ts';
import type {Summary} from './summary.ts';

/** What arrived in a while. */
export interface Arrivals extends Summary {
	readonly perSecond: number;
}

/** Tenants' endpoints, see `processes/sink.ts`. */
export class Sink implements AsyncDisposable {
	readonly #child: Child;
	readonly #address: SinkAddress;

	private constructor(child: Child, address: SinkAddress) {
		this.#child = child;
		this.#address = address;
	}

	static async start(): Promise<Sink> {
		const child = new Child('sink.ts');
		return new Sink(child, await child.hear<SinkAddress>());
	}

	/** Of the port that tells the number of each arrival. */
	get reportPort(): number {
		return this.#address.reportPort;
	}

	url(behaviour: 'ok' | 'slow' | 'hang' | 'drip', group: string): string {
		return `http://127.0.0.1:${this.#address.httpPort}/${behaviour}/${group}`;
	}

	/** Forgets what arrived so far, at all groups. */
	async reset(): Promise<void> {
		await this.#ask({kind: 'reset'});
	}

	/** What arrived at a group since the last reset. */
	read(group: string): Promise<Summary> {
		return this.#ask({kind: 'read', group});
	}

	/** What arrives at a group within `forMs`, after a warm-up. */
	async watch(group: string, {warmUpMs, forMs}: {warmUpMs: number; forMs: number}): Promise<Arrivals> {
		await sleep(warmUpMs);
		await this.reset();
		const startedAt = performance.now();
		await sleep(forMs);
		const arrivals = await this.read(group);
		return {...arrivals, perSecond: (arrivals.count / (performance.now() - startedAt)) * 1000};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#child[Symbol.asyncDispose]();
	}

	async #ask(question: SinkQuestion): Promise<Summary> {
		this.#child.tell(question);
		return this.#child.hear<Summary>();
	}
}
