import type {Fanout, FanoutFrame} from '../../domain/ports/fanout.ts';
import type {Logger} from '../../domain/ports/logger.ts';

type Handler = (frame: FanoutFrame) => void;

/** Fan-out inside one process: handlers have run when `publish` resolves, and nothing is ever lost, so there are no gaps. */
export class MemoryFanout implements Fanout {
	readonly #log: Logger;
	readonly #rooms = new Map<string, Set<Handler>>();

	constructor({log}: {log: Logger}) {
		this.#log = log;
	}

	publish(room: string, frame: FanoutFrame): Promise<void> {
		for (const handle of this.#rooms.get(room) ?? []) {
			try {
				handle(frame);
			} catch (error) {
				this.#log.error({error, eventId: frame.eventId}, 'fanout.handler.failed');
			}
		}
		return Promise.resolve();
	}

	subscribe(room: string, handle: Handler): Promise<AsyncDisposable> {
		// The same function may be subscribed twice: each subscription is one of its own.
		const handler: Handler = (frame) => {
			handle(frame);
		};
		const handlers = this.#rooms.get(room) ?? new Set();
		this.#rooms.set(room, handlers.add(handler));
		return Promise.resolve({
			[Symbol.asyncDispose]: () => {
				handlers.delete(handler);
				if (handlers.size === 0 && this.#rooms.get(room) === handlers) {
					this.#rooms.delete(room);
				}
				return Promise.resolve();
			},
		});
	}

	onGap(): Disposable {
		return {[Symbol.dispose]: () => undefined};
	}

	[Symbol.asyncDispose](): Promise<void> {
		this.#rooms.clear();
		return Promise.resolve();
	}
}
