import type {ControlBus} from '../../domain/broker/control-bus.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';

/** Losses are told together: they come by the hundred. */
const GATHER_MS = 500;

/** More users than this at once, and it is simpler to tell all. */
const MAX_USERS = 100;

/** Tells gateways whose events the live stream's queue dropped, because they were too many or too old: their clients catch up from the log. */
export class LostFramesHandler {
	readonly #control: Pick<ControlBus, 'announce'>;
	readonly #clock: Clock;
	readonly #userIds = new Set<string>();
	#timer: Disposable | undefined;

	constructor({control, clock}: {control: Pick<ControlBus, 'announce'>; clock: Clock}) {
		this.#control = control;
		this.#clock = clock;
	}

	/** Settled at once: who takes over from a process that ends before it tells, tells all. @throws {MalformedMessageError} */
	handle(message: Message): Promise<Disposition> {
		this.#userIds.add(decodeEvent(message).userId);
		this.#timer ??= this.#clock.after(GATHER_MS, () => void this.#tell());
		return Promise.resolve(ACK);
	}

	/** Nobody listened for losses until now. */
	tellAll(): void {
		void this.#control.announce({kind: 'frames-lost', userId: null});
	}

	async #tell(): Promise<void> {
		const userIds = [...this.#userIds];
		this.#userIds.clear();
		this.#timer = undefined;
		if (userIds.length > MAX_USERS) {
			this.tellAll();
			return;
		}
		await Promise.all(userIds.map((userId) => this.#control.announce({kind: 'frames-lost', userId})));
	}
}
