import {toAccount, type Account} from '../../domain/connections/connection.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import type {SendResult} from '../../domain/messaging/outbound.ts';
import type {EngineSession} from '../../domain/ports/whatsapp-engine.ts';
import type {WahaEngineName} from './waha-capabilities.ts';
import {
	fieldsOf,
	MAX_DATE_MS,
	readDate,
	readMessageId,
	readSeconds,
	readText,
	toChatId,
	type JsonObject,
} from './waha-values.ts';

const STATUSES: ReadonlySet<string> = new Set<SessionStatus>([
	'STOPPED',
	'STARTING',
	'SCAN_QR_CODE',
	'PASSKEY_REQUIRED',
	'PASSKEY_CONFIRMATION_REQUIRED',
	'WORKING',
	'FAILED',
]);

/** A word that is not known yet means "not ready". */
export function toStatus(status: string): SessionStatus {
	return STATUSES.has(status) ? (status as SessionStatus) : 'STARTING';
}

/** Reads a SessionInfo; undefined for anything else, such as the empty answer about a session that does not exist. */
export function toSession(value: unknown): EngineSession | undefined {
	const {name, status, me} = fieldsOf(value);
	if (typeof name !== 'string' || typeof status !== 'string') {
		return undefined;
	}
	return {name, status: toStatus(status), me: toLinkedAccount(me)};
}

/** Reads a MeInfo; null for the empty answer of a session that is not linked. */
export function toLinkedAccount(value: unknown): Account | null {
	const account = toAccount(value);
	return account === null ? null : {...account, id: toChatId(account.id)};
}

/**
 * Reads the answer to a send, which differs by engine and by call. NOWEB and GOWS always tell the id. WEBJS is known to answer nothing
 * although the message went out, and tells of a forwarded one only `{sent: true}`.
 * @param nowMs stands in where the answer has no time
 * @returns undefined for what this engine does not answer: it may be somebody else's, so that nobody knows what became of the message
 */
export function toSendResult(engine: WahaEngineName, body: unknown, nowMs: number): SendResult | undefined {
	const answer = fieldsOf(body);
	const id = readMessageId(answer) ?? readMessageId(fieldsOf(answer['_data']));
	const isAnswer = id !== null || (engine === 'WEBJS' && (body === undefined || isObjectOrNull(body)));
	return isAnswer ? {id, timestamp: timestampOf(answer, nowMs)} : undefined;
}

/**
 * Reads the answer to an edit. NOWEB and GOWS tell of the message that carries the edit, which nobody ever sees: the edited one
 * keeps its id. WEBJS answers with the edited message, and the time when that was sent first.
 * @param nowMs stands in where the answer has no time of the edit
 */
export function toEditResult(engine: WahaEngineName, messageId: string, body: unknown, nowMs: number): SendResult {
	return {id: messageId, timestamp: timestampOf(engine === 'WEBJS' ? {} : fieldsOf(body), nowMs)};
}

function timestampOf(answer: JsonObject, nowMs: number): number {
	return (
		readSeconds(answer['timestamp']) ??
		readSeconds(answer['messageTimestamp']) ??
		readDate(fieldsOf(fieldsOf(answer['_data'])['Info'])['Timestamp']) ??
		Math.floor(nowMs / 1000)
	);
}

function isObjectOrNull(value: unknown): boolean {
	return typeof value === 'object' && !Array.isArray(value);
}

/** WEBJS says so when it forwarded nothing. */
export function isForwarded(body: unknown): boolean {
	return fieldsOf(body)['sent'] !== false;
}

/** `ABCD-EFGH`, with or without the dash. Undefined for an answer that is none. */
export function toPairingCode(body: unknown): string | undefined {
	const [, left, right] = /^([A-Z0-9]{4})-?([A-Z0-9]{4})$/i.exec(readText(fieldsOf(body)['code']) ?? '') ?? [];
	return left === undefined || right === undefined ? undefined : `${left}-${right}`.toUpperCase();
}

/**
 * Reads an envelope whose `event` and `session` were checked. The payload stays as it is.
 * @param nowMs stands in for the time of an event that has none anywhere; WAHA's own always have one
 */
export function toUpstreamEvent(
	envelope: JsonObject & {readonly event: string; readonly session: string},
	nowMs: number,
): UpstreamEvent {
	const {id, event, session, timestamp, payload = null, me, engine, environment, metadata} = envelope;
	const payloadSeconds = readSeconds(fieldsOf(payload)['timestamp']);
	return {
		session,
		event,
		id: typeof id === 'string' ? id : '',
		timestampMs: readMs(timestamp) ?? (payloadSeconds === undefined ? nowMs : payloadSeconds * 1000),
		payload,
		...(me !== undefined && {me}),
		...(typeof engine === 'string' && {engine}),
		...(environment !== undefined && {environment}),
		...(metadata !== undefined && {metadata}),
	};
}

function readMs(value: unknown): number | undefined {
	return typeof value === 'number' && value > 0 && value <= MAX_DATE_MS ? Math.floor(value) : undefined;
}
