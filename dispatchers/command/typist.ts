import {pause} from '../../domain/pause.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {Operation} from '../../domain/ports/whatsapp-engine.ts';
import {withDeadline} from '../with-deadline.ts';
import type {LiveSession} from './live-session.ts';

/** Reading what came before and starting to type takes at least this … */
const THOUGHT_MS = 1000;
/** … and up to as much more at random. */
const HESITATION_MS = 2000;
const MS_PER_CHARACTER = 50;
const MAX_WRITING_MS = 5000;

/**
 * The deadline of each presence call. With three of them and the longest pause, 17 s are gone when the message is sent: it is still
 * answered within the 25 s that a route waits.
 */
const PRESENCE_TIMEOUT_MS = 3000;

/**
 * Behaves in a chat as a person would before a message: reads what is there, types for a while, stops. None of
 * it can fail; what the engine cannot do is left out, the pause is not.
 */
export class Typist {
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #random: () => number;

	/** @param options.random from 0 up to 1; default `Math.random` */
	constructor({clock, log, random = Math.random}: {clock: Clock; log: Logger; random?: () => number}) {
		this.#clock = clock;
		this.#log = log;
		this.#random = random;
	}

	/**
	 * Takes 1 to 8 s.
	 * @param length how much there is to type, in characters
	 * @param signal ends the pause early
	 */
	async type(session: LiveSession, chatId: string, length: number, signal: AbortSignal): Promise<void> {
		const {name, engine} = session;
		await this.#attempt(session, 'mark-read', (deadline) => engine.presence.markRead(name, chatId, deadline));
		await this.#attempt(session, 'typing', (deadline) => engine.presence.typing(name, chatId, true, deadline));
		await pause(this.#clock, this.#pauseMs(length), signal);
		await this.#attempt(session, 'typing', (deadline) => engine.presence.typing(name, chatId, false, deadline));
	}

	#pauseMs(length: number): number {
		return THOUGHT_MS + this.#random() * HESITATION_MS + Math.min(MS_PER_CHARACTER * length, MAX_WRITING_MS);
	}

	async #attempt(
		{engine, name}: LiveSession,
		operation: Operation,
		call: (deadline: AbortSignal) => Promise<void>,
	): Promise<void> {
		if (engine.capabilities()[operation].level === 'no') {
			return;
		}
		try {
			await withDeadline(this.#clock, PRESENCE_TIMEOUT_MS, call);
		} catch (error) {
			// A message without "typing…" before it is better than none; if the session is in trouble, sending says so.
			this.#log.debug({error, session: name, operation}, 'presence.failed');
		}
	}
}
