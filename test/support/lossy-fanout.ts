import {MemoryFanout} from '../../adapters/system/memory-fanout.ts';
import {FanoutUnavailableError} from '../../domain/errors.ts';
import type {Fanout, FanoutFrame} from '../../domain/ports/fanout.ts';
import type {Logger} from '../../domain/ports/logger.ts';

/** A fan-out that can be taken away: what is published meanwhile is lost, as with Redis. */
export class LossyFanout implements Fanout {
	readonly #inner: MemoryFanout;
	readonly #gapHandlers = new Set<() => void>();
	readonly #subscriptions = new Map<string, number>();
	#isAway = false;

	constructor({log}: {log: Logger}) {
		this.#inner = new MemoryFanout({log});
	}

	/** How many subscriptions the room has. */
	subscriptionsOf(room: string): number {
		return this.#subscriptions.get(room) ?? 0;
	}

	/** From now on frames get lost and subscriptions fail, until `restore`. */
	lose(): void {
		this.#isAway = true;
	}

	/** Works again, and says that something may have been lost. */
	restore(): void {
		this.#isAway = false;
		for (const handle of this.#gapHandlers) handle();
	}

	async publish(room: string, frame: FanoutFrame): Promise<void> {
		if (!this.#isAway) {
			await this.#inner.publish(room, frame);
		}
	}

	async subscribe(room: string, handle: (frame: FanoutFrame) => void): Promise<AsyncDisposable> {
		if (this.#isAway) {
			throw new FanoutUnavailableError('away on purpose');
		}
		const subscription = await this.#inner.subscribe(room, handle);
		this.#subscriptions.set(room, this.subscriptionsOf(room) + 1);
		return {
			[Symbol.asyncDispose]: async () => {
				this.#subscriptions.set(room, this.subscriptionsOf(room) - 1);
				await subscription[Symbol.asyncDispose]();
			},
		};
	}

	onGap(handle: () => void): Disposable {
		this.#gapHandlers.add(handle);
		return {[Symbol.dispose]: () => this.#gapHandlers.delete(handle)};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#inner[Symbol.asyncDispose]();
	}
}
