/** One event as an engine reported it, after its adapter read it and before it belongs to a connection. */
export interface UpstreamEvent {
	/** The session's name in the engine. */
	readonly session: string;
	/** A name of the vocabulary. */
	readonly event: string;
	/** The engine's own event id. Empty when the engine sends none: the payload's hash stands in. */
	readonly id: string;
	/** The engine's event time, milliseconds since the epoch. */
	readonly timestampMs: number;
	readonly payload: unknown;
	/** The linked account, `{id, pushName, …}` or null. */
	readonly me?: unknown;
	/** `NOWEB`, `GOWS`, `WEBJS` … */
	readonly engine?: string;
	readonly environment?: unknown;
	/** What the tenant attached to the session. */
	readonly metadata?: unknown;
}
