import {digest, hashedUlid, ulidTimeMs} from '../hashing.ts';
import {toEventJson} from './event-json.ts';
import {rewriteMedia, type MediaSource} from './media.ts';
import type {UpstreamEvent} from './upstream-event.ts';

/** The one frame of every transport: webhook body, socket frame, log entry. Absent optional keys were absent upstream. */
export interface EventEnvelope {
	/** `evt_` + ULID of the engine's event time and a hash of (session, event, engine's id). */
	readonly id: string;
	readonly event: string;
	/** Null for user-level events. */
	readonly connectionId: string | null;
	readonly session: string | null;
	/** The engine's event time, ISO 8601 with milliseconds. */
	readonly timestamp: string;
	readonly payload: unknown;
	readonly me?: unknown;
	readonly engine?: string;
	readonly environment?: unknown;
	readonly metadata?: unknown;
}

/** An event that is ready for the broker: its JSON exists once, as the bytes every transport sends. */
export interface PreparedEvent {
	readonly id: string;
	readonly event: string;
	readonly userId: string;
	readonly connectionId: string | null;
	/** When it entered this system, milliseconds since the epoch. */
	readonly receivedAtMs: number;
	/** The envelope as compact JSON. */
	readonly body: Buffer;
	/** Where the media of this event can be fetched from, for our own use only. */
	readonly media: readonly MediaSource[];
	/** Set for an event that is meant for this one webhook only. */
	readonly onlyWebhookId?: string;
	/** Set for an event of the user's that the webhooks of this connection get as well. */
	readonly alsoConnectionId?: string;
	/** Set for an event that this one webhook does not get. */
	readonly exceptWebhookId?: string;
}

/** Whose event it is. */
export interface EventOwner {
	readonly userId: string;
	/** Null for user-level events. */
	readonly connectionId: string | null;
}

/**
 * The id of an upstream event: the same event gets the same id in any process, however often it arrives.
 * @throws {ValidationError} it has none of its own, and is nested too deeply
 */
export function eventId(event: UpstreamEvent): string {
	const engineId = event.id === '' ? digest(toEventJson(event.payload)).toString('hex') : event.id;
	return `evt_${hashedUlid(event.timestampMs, digest(event.session, event.event, engineId))}`;
}

/** The engine's event time, which an event's id begins with, milliseconds since the epoch. */
export function eventTimeMs(id: string): number {
	return ulidTimeMs(id.slice('evt_'.length));
}

/**
 * Turns an upstream event into bytes: media URLs point at `publicUrl`, and what would name our machines is dropped.
 * @param publicUrl base URL that tenants reach us at, without a trailing slash
 * @throws {ValidationError} it is nested too deeply
 */
export function prepareEvent(
	event: UpstreamEvent,
	owner: EventOwner,
	publicUrl: string,
	receivedAtMs: number,
): PreparedEvent {
	const id = eventId(event);
	const {payload, sources} = rewriteMedia(
		event.payload,
		`${publicUrl}/api/connections/${owner.connectionId ?? '-'}/media`,
	);
	const envelope: EventEnvelope = {
		id,
		event: event.event,
		connectionId: owner.connectionId,
		session: event.session,
		timestamp: new Date(event.timestampMs).toISOString(),
		payload,
		...(event.me !== undefined && {me: event.me}),
		...(event.engine !== undefined && {engine: event.engine}),
		...(event.environment !== undefined && {environment: withoutKey(event.environment, 'worker')}),
		...tenantMetadata(event.metadata),
	};
	return {
		id,
		event: event.event,
		userId: owner.userId,
		connectionId: owner.connectionId,
		receivedAtMs,
		body: Buffer.from(toEventJson(envelope)),
		media: sources,
	};
}

/** Metadata keys that start with `gw.` are ours and stay here. */
function tenantMetadata(metadata: unknown): {metadata?: Record<string, unknown>} {
	if (typeof metadata !== 'object' || metadata === null) {
		return {};
	}
	const kept = Object.entries(metadata).filter(([key]) => !key.startsWith('gw.'));
	return kept.length === 0 ? {} : {metadata: Object.fromEntries(kept)};
}

function withoutKey(value: unknown, key: string): unknown {
	if (typeof value !== 'object' || value === null) {
		return value;
	}
	return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
}
