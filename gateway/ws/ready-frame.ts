import {StreamFrame} from './stream-frame.ts';
import {formatPosition} from './stream-position.ts';

/**
 * Tells a client that the stream is live from here on, and what to say in `since` if it has to come back before it gets an event. A
 * place in the log and no event: there may be none, or none that the client may know of.
 */
export class ReadyFrame extends StreamFrame {
	readonly #since: string | null;

	/** @param position everything up to here is behind the client; undefined when the log could not be read */
	constructor(position: number | undefined) {
		const since = position === undefined ? null : formatPosition(position);
		super('ready', Buffer.from(JSON.stringify({type: 'ready', since})));
		this.#since = since;
	}

	/** With Server-Sent Events it is what an EventSource comes back with. */
	protected override get idLine(): string {
		return this.#since === null ? '' : `id: ${this.#since}\n`;
	}
}
