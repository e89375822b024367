import type {Clock} from '../../domain/ports/clock.ts';
import type {EngineStateStore} from '../../domain/ports/engine-state-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {EventSink} from '../../domain/ports/whatsapp-engine.ts';
import type {AckDelays} from './sent-messages.ts';

/** What all sessions of a simulator share. */
export interface SessionServices {
	readonly clock: Clock;
	readonly store: EngineStateStore;
	readonly emit: EventSink;
	readonly log: Logger;
	/** How long STARTING lasts, in milliseconds. */
	readonly startMs: number;
	readonly ackDelays: AckDelays;
	readonly echo: ReadonlySet<string>;
}
