import {FanoutUnavailableError} from '../../domain/errors.ts';
import type {Fanout, FanoutFrame} from '../../domain/ports/fanout.ts';
import type {HealthCheck} from '../../domain/ports/health-check.ts';

/** A fan-out that can be taken away from those who publish and subscribe, and its health. */
export class FaultyFanout implements Fanout, HealthCheck {
	readonly dependency = 'redis';
	away = false;
	readonly #fanout: Fanout;

	constructor(fanout: Fanout) {
		this.#fanout = fanout;
	}

	async publish(room: string, frame: FanoutFrame): Promise<void> {
		await this.check();
		await this.#fanout.publish(room, frame);
	}

	async subscribe(room: string, handle: (frame: FanoutFrame) => void): Promise<AsyncDisposable> {
		await this.check();
		return this.#fanout.subscribe(room, handle);
	}

	onGap(handle: () => void): Disposable {
		return this.#fanout.onGap(handle);
	}

	check(): Promise<void> {
		return this.away ? Promise.reject(new FanoutUnavailableError('switched off by the test')) : Promise.resolve();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#fanout[Symbol.asyncDispose]();
	}
}
