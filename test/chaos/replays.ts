import {setTimeout as pause} from 'node:timers/promises';
import type {ApiClient} from '../support/api-client.ts';
import type {FakeWaha} from '../support/fake-waha.ts';
import {linkConnection} from '../support/link-connection.ts';
import type {Semaphore} from '../support/semaphore.ts';
import {ChaosEndpoint} from './endpoint.ts';
import {messageOf} from './message.ts';
import {addWebhook} from './tenants.ts';

/** Events that are delivered again and again … */
const EVENTS = 200;
/** … posted so many at once … */
const AT_ONCE = 20;
/** … to an endpoint that takes its time, so that a replay goes on while something strikes. */
const ANSWERED_AFTER_MS = 300;

const LOOK_EVERY_MS = 500;
/** A page of jobs: a run of hours would have more. */
const MAX_JOBS = 100;

/** A job as the API shows it. */
interface Job {
	readonly id: string;
	readonly state: string;
	readonly total: number | null;
	readonly done: number;
	readonly failed: number;
	readonly reason: string | null;
	readonly finishedAt: string | null;
}

/** What replays came to. */
export interface ReplayCount {
	/** The newest first. */
	readonly jobs: readonly Job[];
	/** Events that each of them had to deliver. */
	readonly events: number;
	/** Arrivals beyond one for each event and job. */
	readonly repeats: number;
	/** Events that arrived less often than there were jobs. */
	readonly missing: number;
}

/** A webhook of a tenant of its own, to which the same events are replayed for as long as faults strike. */
export class Replays implements AsyncDisposable {
	readonly #client: ApiClient;
	readonly #endpoint: ChaosEndpoint;
	readonly #webhookId: string;
	readonly #range: {readonly from: string; readonly to: string};
	readonly #stop = new AbortController();
	#isEnding = false;
	#running: Promise<void> = Promise.resolve();

	private constructor(options: {
		client: ApiClient;
		endpoint: ChaosEndpoint;
		webhookId: string;
		range: {from: string; to: string};
	}) {
		this.#client = options.client;
		this.#endpoint = options.endpoint;
		this.#webhookId = options.webhookId;
		this.#range = options.range;
	}

	/** Fills the log of a new tenant and gives them a webhook that missed it all. */
	static async prepare({client, waha}: {client: ApiClient; waha: FakeWaha}): Promise<Replays> {
		await using resources = new AsyncDisposableStack();
		const endpoint = resources.use(
			await ChaosEndpoint.start('replayed', () => ({status: 200, afterMs: ANSWERED_AFTER_MS})),
		);
		const {id, sessionName} = await linkConnection(client, waha);
		const from = new Date();
		for (let n = 0; n < EVENTS; n += AT_ONCE) {
			const numbers = Array.from({length: AT_ONCE}, (_, index) => n + index);
			await Promise.all(numbers.map((number) => waha.emit(sessionName, messageOf({n: number, from: '15550000@c.us'}))));
		}
		const to = new Date();
		const webhookId = await addWebhook(client, id, {endpoint, number: 0});
		resources.move();
		const range = {from: from.toISOString(), to: to.toISOString()};
		return new Replays({client, endpoint, webhookId, range});
	}

	/**
	 * One replay after the other, until `end`.
	 * @param turn taken to begin one: what is asked for while RabbitMQ is away begins minutes after it is back
	 */
	start(turn: Semaphore): void {
		this.#running = this.#run(turn);
		// Whoever waits for the end is told.
		this.#running.catch(() => undefined);
	}

	/** Begins no further one, and resolves when the last is over. @throws the reason of `signal` */
	async end(signal: AbortSignal): Promise<void> {
		this.#isEnding = true;
		signal.addEventListener('abort', () => {
			this.#stop.abort(signal.reason);
		});
		await this.#running;
	}

	async count(): Promise<ReplayCount> {
		const jobs = await this.#client.call<readonly Job[]>('GET', `/jobs?limit=${MAX_JOBS}`);
		const accepted = Map.groupBy(
			this.#endpoint.arrivals.filter(({end, isSigned}) => end === 'accepted' && isSigned),
			({n}) => n,
		);
		const times = Array.from({length: EVENTS}, (_, n) => accepted.get(n)?.length ?? 0);
		return {
			jobs,
			events: EVENTS,
			repeats: times.reduce((sum, count) => sum + Math.max(0, count - jobs.length), 0),
			missing: times.filter((count) => count < jobs.length).length,
		};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#stop.abort();
		await this.#running.catch(() => undefined);
		await this.#endpoint[Symbol.asyncDispose]();
	}

	async #run(turn: Semaphore): Promise<void> {
		while (!this.#isEnding) {
			await this.#begin(turn);
			do await pause(LOOK_EVERY_MS, undefined, {signal: this.#stop.signal});
			while (!(await this.#areOver()));
		}
	}

	async #begin(turn: Semaphore): Promise<void> {
		using _ = await turn.acquire();
		const request = {...this.#range, status: 'all'};
		// Whether it began is seen by the jobs: the answer may be lost.
		await this.#client.call('POST', `/webhooks/${this.#webhookId}/replay`, request).catch(() => undefined);
	}

	/** False as long as nobody can tell. */
	async #areOver(): Promise<boolean> {
		try {
			const [newest] = await this.#client.call<readonly Job[]>('GET', '/jobs?limit=1');
			return newest?.finishedAt !== null;
		} catch {
			// The gateway is away, or something that it needs.
			return false;
		}
	}
}
