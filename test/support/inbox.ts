import type {Message, Settlement} from '../../domain/ports/broker.ts';
import {eventually} from './eventually.ts';

/** Notes the messages that a consumer gets; its functions are handlers for `Broker.consume`. */
export class Inbox {
	/** Every delivery in the order of arrival, repeats included. */
	readonly messages: Message[] = [];
	readonly #inHand: ((settlement: Settlement) => void)[] = [];
	#peak = 0;

	/** Acknowledges at once. */
	readonly accept = (message: Message): Promise<Settlement> => {
		this.messages.push(message);
		return Promise.resolve('ack');
	};

	/** Keeps each message in hand until it is released. */
	readonly hold = (message: Message): Promise<Settlement> => {
		this.messages.push(message);
		return new Promise((resolve) => {
			this.#inHand.push(resolve);
			this.#peak = Math.max(this.#peak, this.#inHand.length);
		});
	};

	get ids(): readonly string[] {
		return this.messages.map(({id}) => id);
	}

	get inHand(): number {
		return this.#inHand.length;
	}

	/** The most messages that were in hand at once. */
	get peak(): number {
		return this.#peak;
	}

	/** Settles the message that is in hand for longest. */
	release(settlement: Settlement = 'ack'): void {
		const resolve = this.#inHand.shift();
		if (resolve === undefined) throw new Error('nothing is in hand');
		resolve(settlement);
	}

	/** Resolves to all deliveries once there are at least `count`. */
	async arrived(count: number, timeoutMs?: number): Promise<readonly Message[]> {
		await eventually(() => {
			if (this.messages.length < count) throw new Error(`${this.messages.length} of ${count} messages arrived`);
		}, timeoutMs);
		return this.messages;
	}
}
