import {WahaEngine} from '../../adapters/waha/waha-engine.ts';
import type {Worker} from '../../domain/workers/worker.ts';
import {FakeWaha} from './fake-waha.ts';
import {GatedEngine} from './gated-engine.ts';
import {ManualClock} from './manual-clock.ts';

/** Long enough for all tries of a call that is refused, short enough to wait for. */
const CONTROL_DEADLINE_MS = 2500;

/** A worker that runs a fake WAHA, which can be switched off and on again. */
export class WorkerFixture implements AsyncDisposable {
	readonly worker: Worker;
	/** What dispatchers use; its gate stands open unless a test closes it. */
	readonly engine: GatedEngine;
	readonly #waha: WahaEngine;
	readonly #port: number;
	#fake: FakeWaha | undefined;

	private constructor(name: string, capacity: number, fake: FakeWaha) {
		this.worker = {id: `id of ${name}`, name, kind: 'waha', engine: 'GOWS', capacity};
		this.#fake = fake;
		this.#port = Number(new URL(fake.url).port);
		this.#waha = new WahaEngine({
			baseUrl: fake.url,
			apiKey: fake.apiKey,
			clock: new ManualClock(),
			deadlines: {controlMs: CONTROL_DEADLINE_MS},
		});
		this.engine = new GatedEngine(this.#waha);
	}

	static async start(name: string, capacity = 10): Promise<WorkerFixture> {
		return new WorkerFixture(name, capacity, await FakeWaha.start());
	}

	/** The server. @throws {Error} while it is switched off */
	get waha(): FakeWaha {
		if (this.#fake === undefined) throw new Error(`${this.worker.name} is switched off`);
		return this.#fake;
	}

	/** Its sessions are gone then. */
	async switchOff(): Promise<void> {
		await this.waha[Symbol.asyncDispose]();
		this.#fake = undefined;
	}

	async switchOn(): Promise<void> {
		this.#fake = await FakeWaha.start({port: this.#port});
	}

	/** The sessions for which creation was asked so far. */
	get created(): readonly unknown[] {
		return this.waha.requestsTo('POST', '/api/sessions').map(({body}) => body['name']);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#waha[Symbol.dispose]();
		await this.#fake?.[Symbol.asyncDispose]();
	}
}
