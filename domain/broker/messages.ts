import {MalformedMessageError} from '../errors.ts';
import type {PreparedEvent} from '../events/envelope.ts';
import {toEventJson} from '../events/event-json.ts';
import type {MediaSource} from '../events/media.ts';
import type {UpstreamEvent} from '../events/upstream-event.ts';
import {isCommandKind, type Command, type CommandReply} from '../messaging/command.ts';
import type {Message, MessageHeaders, OutgoingMessage} from '../ports/broker.ts';
import type {Outcome} from '../webhooks/delivery.ts';

/**
 * How everything looks on the broker. Every message says `schema` and `kind`, so that two versions can run side by side; what
 * a version cannot read goes to the dead letters, never to the floor.
 */
const SCHEMA = 1;

type MessageKind = 'event' | 'delivery' | 'unresolved' | 'outcomes' | 'command' | 'job' | 'change' | 'probe';

/** A message without its destination. */
export type Content = Pick<OutgoingMessage, 'id' | 'headers' | 'body'>;

/** One event for one webhook that still has attempts to make. */
export interface DeliveryTask {
	readonly event: PreparedEvent;
	readonly webhookId: string;
	readonly run: number;
	/** Attempts made so far in this run. */
	readonly attempt: number;
	/** When it was first due, milliseconds since the epoch. */
	readonly firstAtMs: number;
	/** How often it was parked since the last attempt: its webhook had too much under way, or only failed. */
	readonly parked: number;
	/** A replay asked for it, so that it gives way to what is new; default false. */
	readonly isReplay?: boolean;
}

/** A delivery that keeps its place in the order of a chat. */
export interface OrderedTask extends DeliveryTask {
	readonly chatId: string;
}

/** Something that caches and open sockets must follow. */
export type Change =
	| {readonly kind: 'webhooks'; readonly userId: string; readonly connectionId: string | null}
	| {readonly kind: 'connection'; readonly userId: string; readonly connectionId: string; readonly sessionName: string}
	| {readonly kind: 'token-revoked'; readonly userId: string; readonly tokenId: string}
	| {readonly kind: 'user-disabled'; readonly userId: string}
	/** Events on their way to clients of the live stream got lost; null = anybody's. */
	| {readonly kind: 'frames-lost'; readonly userId: string | null};

export function kindOf(message: Message): string {
	return String(message.headers['kind'] ?? '');
}

export function encodeEvent(event: PreparedEvent): Content {
	return {id: event.id, headers: {...headersOf('event'), ...eventHeaders(event)}, body: event.body};
}

export function decodeEvent(message: Message): PreparedEvent {
	expectKind(message, 'event');
	return readEvent(message);
}

export function encodeDelivery(task: DeliveryTask, deliveryId: string): Content {
	return {
		id: `${deliveryId}:${task.run}:${task.attempt}${task.parked > 0 ? `:${task.parked}` : ''}`,
		headers: {
			...headersOf('delivery'),
			...eventHeaders(task.event),
			webhook: task.webhookId,
			run: task.run,
			attempt: task.attempt,
			firstAt: task.firstAtMs,
			...(task.parked > 0 && {parked: task.parked}),
			...(task.isReplay === true && {replay: 1}),
		},
		body: task.event.body,
	};
}

export function decodeDelivery(message: Message): DeliveryTask {
	expectKind(message, 'delivery');
	return {
		event: readEvent(message),
		webhookId: text(message, 'webhook'),
		run: integer(message, 'run'),
		attempt: integer(message, 'attempt'),
		firstAtMs: integer(message, 'firstAt'),
		parked: message.headers['parked'] === undefined ? 0 : integer(message, 'parked'),
		...(message.headers['replay'] === 1 && {isReplay: true}),
	};
}

export function encodeOrdered(task: OrderedTask, deliveryId: string): Content {
	const content = encodeDelivery(task, deliveryId);
	return {...content, headers: {...content.headers, chat: task.chatId}};
}

export function decodeOrdered(message: Message): OrderedTask {
	return {...decodeDelivery(message), chatId: text(message, 'chat')};
}

/** An event whose session nobody knows yet. */
export interface UnresolvedEvent {
	readonly event: UpstreamEvent;
	readonly receivedAtMs: number;
}

/** @throws {ValidationError} the event is nested too deeply */
export function encodeUnresolved(unresolved: UnresolvedEvent, id: string): Content {
	return {
		id,
		headers: {...headersOf('unresolved'), receivedAt: unresolved.receivedAtMs, session: unresolved.event.session},
		body: Buffer.from(toEventJson(unresolved.event)),
	};
}

export function decodeUnresolved(message: Message): UnresolvedEvent {
	expectKind(message, 'unresolved');
	const event = fromJson(message) as UpstreamEvent | null;
	if (typeof event?.session !== 'string') {
		throw new MalformedMessageError('the body is not an event of a session');
	}
	return {event, receivedAtMs: integer(message, 'receivedAt')};
}

/** A question whether a queue is worked off: whoever works it answers when the question's turn comes. */
export function encodeProbe(id: string): Content {
	return {id, headers: headersOf('probe'), body: Buffer.alloc(0)};
}

export function encodeOutcomes(outcomes: readonly Outcome[], id: string): Content {
	return {id, headers: headersOf('outcomes'), body: toJson(outcomes)};
}

export function decodeOutcomes(message: Message): readonly Outcome[] {
	expectKind(message, 'outcomes');
	const outcomes = fromJson(message);
	if (!Array.isArray(outcomes)) {
		throw new MalformedMessageError('the body is not a list of outcomes');
	}
	return outcomes as readonly Outcome[];
}

export function encodeCommand(command: Command): Content {
	return {id: command.id, headers: {...headersOf('command'), connection: command.connectionId}, body: toJson(command)};
}

export function decodeCommand(message: Message): Command {
	expectKind(message, 'command');
	const command = fromJson(message) as (Omit<Command, 'kind'> & {readonly kind: unknown}) | null;
	if (!isCommandKind(command?.kind)) {
		throw new MalformedMessageError(`there is no command ${String(command?.kind)}`);
	}
	return command as Command;
}

/** Whose turn it is to go on with a job. */
export interface JobTurn {
	readonly jobId: string;
	/** Grows by one with each message of the job. */
	readonly turn: number;
}

export function encodeJobTurn({jobId, turn}: JobTurn): Content {
	return {id: `${jobId}:${turn}`, headers: {...headersOf('job'), job: jobId, turn}, body: Buffer.alloc(0)};
}

export function decodeJobTurn(message: Message): JobTurn {
	expectKind(message, 'job');
	return {jobId: text(message, 'job'), turn: integer(message, 'turn')};
}

export function encodeReply(reply: CommandReply): Buffer {
	return toJson(reply);
}

export function decodeReply(body: Buffer): CommandReply {
	return JSON.parse(body.toString()) as CommandReply;
}

export function encodeChange(change: Change, id: string): Content {
	return {id, headers: headersOf('change'), body: toJson(change)};
}

export function decodeChange(message: Message): Change {
	expectKind(message, 'change');
	return fromJson(message) as Change;
}

function headersOf(kind: MessageKind): MessageHeaders {
	return {schema: SCHEMA, kind};
}

function eventHeaders(event: PreparedEvent): MessageHeaders {
	return {
		eventId: event.id,
		event: event.event,
		user: event.userId,
		receivedAt: event.receivedAtMs,
		...(event.connectionId !== null && {connection: event.connectionId}),
		...(event.media.length > 0 && {media: JSON.stringify(event.media)}),
		...(event.onlyWebhookId !== undefined && {onlyWebhook: event.onlyWebhookId}),
		...(event.alsoConnectionId !== undefined && {alsoConnection: event.alsoConnectionId}),
		...(event.exceptWebhookId !== undefined && {exceptWebhook: event.exceptWebhookId}),
	};
}

function readEvent(message: Message): PreparedEvent {
	const {connection, media, onlyWebhook, alsoConnection, exceptWebhook} = message.headers;
	return {
		id: text(message, 'eventId'),
		event: text(message, 'event'),
		userId: text(message, 'user'),
		connectionId: connection === undefined ? null : String(connection),
		receivedAtMs: integer(message, 'receivedAt'),
		body: message.body,
		media: media === undefined ? [] : (parse(String(media), 'header media') as readonly MediaSource[]),
		...(onlyWebhook !== undefined && {onlyWebhookId: String(onlyWebhook)}),
		...(alsoConnection !== undefined && {alsoConnectionId: String(alsoConnection)}),
		...(exceptWebhook !== undefined && {exceptWebhookId: String(exceptWebhook)}),
	};
}

function expectKind(message: Message, kind: MessageKind): void {
	if (message.headers['schema'] !== SCHEMA || message.headers['kind'] !== kind) {
		throw new MalformedMessageError(
			`expected ${kind} in schema ${SCHEMA}, got ${kindOf(message) || 'no kind'} in schema ${String(message.headers['schema'] ?? 'none')}`,
		);
	}
}

function text(message: Message, header: string): string {
	const value = message.headers[header];
	if (typeof value !== 'string') {
		throw new MalformedMessageError(`header ${header} is missing`);
	}
	return value;
}

function integer(message: Message, header: string): number {
	const value = message.headers[header];
	if (typeof value !== 'number') {
		throw new MalformedMessageError(`header ${header} is missing`);
	}
	return value;
}

function toJson(value: unknown): Buffer {
	return Buffer.from(JSON.stringify(value));
}

/** The kind and schema were checked: the caller knows the type. */
function fromJson(message: Message): unknown {
	return parse(message.body.toString(), 'the body');
}

function parse(text: string, what: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new MalformedMessageError(`${what} is not JSON`, {cause: error});
	}
}
