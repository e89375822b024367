import {ForbiddenError, NotFoundError, ValidationError} from '../../domain/errors.ts';
import {isEventPattern} from '../../domain/events/vocabulary.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import {allowsConnection} from '../../domain/tokens/grants.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import {wantsEvent} from '../../domain/webhooks/webhook.ts';
import type {EventSubject} from './room-member.ts';

const MAX_EVENTS = 100;
const MAX_CONNECTIONS = 100;
const MAX_TEXT_LENGTH = 66;

/** What a client wants of all that it may have. */
export interface Subscription {
	/** Names as webhooks have them (`message`, `group.*`, `*`); null = all. */
	readonly events: readonly string[] | null;
	/** Null = all connections, and the account itself. */
	readonly connectionIds: readonly string[] | null;
}

/** The default. */
export const EVERYTHING_OWNED: Subscription = {events: null, connectionIds: null};

/** How clients say it: lists, or one text with commas. */
export interface SubscriptionRequest {
	readonly events?: unknown;
	readonly connectionId?: unknown;
}

/**
 * What a client asks for by `{"type": "subscribe", …}`. Undefined for whatever else it says, which is ignored: those of the contract may
 * say anything.
 */
export function requestIn(message: unknown): SubscriptionRequest | undefined {
	if (typeof message !== 'object' || message === null) {
		return undefined;
	}
	const {type, ...request} = message as SubscriptionRequest & {readonly type?: unknown};
	return type === 'subscribe' ? request : undefined;
}

/** @throws {ValidationError} */
export function parseSubscription({events, connectionId}: SubscriptionRequest): Subscription {
	const names = parseList(events, 'events', MAX_EVENTS);
	const wrong = names?.find((name) => !isEventPattern(name));
	if (wrong !== undefined) {
		throw new ValidationError(
			`events: "${wrong}" is no event name: write names such as message, beginnings such as group.*, or *`,
		);
	}
	return {events: names, connectionIds: parseList(connectionId, 'connectionId', MAX_CONNECTIONS)};
}

/**
 * Whether the client may have what it asks for.
 * @throws {ForbiddenError} a connection is not its token's @throws {NotFoundError} there is no such connection of its user's
 * @throws {StoreUnavailableError}
 */
export async function checkSubscription(
	{connectionIds}: Subscription,
	{user, grants}: Identity,
	connections: Pick<ConnectionStore, 'list'>,
): Promise<void> {
	if (connectionIds === null) {
		return;
	}
	const foreign = connectionIds.find((id) => !allowsConnection(grants, id));
	if (foreign !== undefined) {
		throw new ForbiddenError(
			`connectionId: this token is for certain connections only, and ${foreign} is not one of them`,
		);
	}
	const found = new Set((await connections.list(user.id, {limit: MAX_CONNECTIONS}, connectionIds)).map(({id}) => id));
	const unknown = connectionIds.find((id) => !found.has(id));
	if (unknown !== undefined) {
		throw new NotFoundError(`connectionId: you have no connection ${unknown}`);
	}
}

export function wants({events, connectionIds}: Subscription, {event, connectionId}: EventSubject): boolean {
	return (
		(events === null || wantsEvent(events, event)) &&
		(connectionIds === null || (connectionId !== null && connectionIds.includes(connectionId)))
	);
}

/** Null when it is not said, or empty. */
function parseList(value: unknown, name: string, maxLength: number): readonly string[] | null {
	if (value === undefined || value === null) {
		return null;
	}
	const items: readonly unknown[] = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [0];
	if (!items.every((item) => typeof item === 'string')) {
		throw new ValidationError(`${name} must be a text, or a list of texts`);
	}
	const texts = [...new Set(items.flatMap((item) => item.split(',')).map((item) => item.trim()))].filter(Boolean);
	if (texts.length > maxLength || texts.some(({length}) => length > MAX_TEXT_LENGTH)) {
		throw new ValidationError(`${name} must have at most ${maxLength} values of at most ${MAX_TEXT_LENGTH} characters`);
	}
	return texts.length === 0 ? null : texts;
}
