import {toAccount, type Account} from '../../domain/connections/connection.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import type {SendReceipt} from '../../domain/messaging/outbound.ts';
import type {Capability, CapabilityTable, EngineSession} from '../../domain/ports/whatsapp-engine.ts';

/** What a WAHA server runs. This module holds everything in which they differ. */
export type WahaEngineName = 'GOWS' | 'NOWEB' | 'WEBJS';

type JsonObject = Readonly<Record<string, unknown>>;

const YES: Capability = {level: 'yes'};

/** WEBJS leaves the ids of messages to its browser. */
export function takesMessageIds(engine: WahaEngineName): boolean {
	return engine !== 'WEBJS';
}

export function capabilitiesOf(engine: WahaEngineName): CapabilityTable {
	return {
		qr: YES,
		me: YES,
		'send.text': YES,
		'client-message-id': takesMessageIds(engine)
			? YES
			: {level: 'no', note: `${engine} gives every message an id of its own`},
		'pairing-code': {level: 'no', note: 'not offered yet: link by QR code'},
	};
}

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

/** WhatsApp's id in the form that tenants know: the engines' own server name and the number of the device are dropped. */
export function toChatId(jid: string): string {
	return jid.replace(/:\d+(?=@)/, '').replace(/@s\.whatsapp\.net$/, '@c.us');
}

/**
 * Reads the answer to a send, which differs by engine and by call. An answer that cannot be read is still a success:
 * WEBJS is known to answer nothing although the message went out.
 * @param nowMs stands in where the answer has no time
 */
export function extractSendResult(body: unknown, nowMs: number): SendReceipt {
	const answer = fieldsOf(body);
	const data = fieldsOf(answer['_data']);
	return {
		id: readId(answer) ?? readId(data),
		timestamp:
			readSeconds(answer['timestamp']) ??
			readSeconds(answer['messageTimestamp']) ??
			readDate(fieldsOf(data['Info'])['Timestamp']) ??
			Math.floor(nowMs / 1000),
	};
}

/** GOWS and WAMessage: a string. WEBJS: an object. NOWEB: a Baileys key. */
function readId({id, key}: JsonObject): string | null {
	if (typeof id === 'string' && id !== '') return id;
	return serialized(id) ?? fromParts(fieldsOf(id)) ?? fromParts(fieldsOf(key));
}

/** WhatsApp Web renamed `_serialized` to `$1` in July 2026. */
function serialized(value: unknown): string | null {
	const {_serialized, $1} = fieldsOf(value);
	return [_serialized, $1].find((id) => typeof id === 'string') ?? null;
}

/** Builds `{fromMe}_{chat}_{key}[_{participant}]` from a WEBJS id (`remote`) or a Baileys key (`remoteJid`). */
function fromParts({id, fromMe, remote, remoteJid, participant}: JsonObject): string | null {
	const chat = readJid(remote) ?? readJid(remoteJid);
	if (typeof id !== 'string' || id === '' || chat === null) {
		return null;
	}
	const sender = readJid(participant);
	return [String(fromMe !== false), chat, id, ...(sender === null ? [] : [sender])].join('_');
}

function readJid(value: unknown): string | null {
	const jid = typeof value === 'string' ? value : serialized(value);
	return jid === null || jid === '' ? null : toChatId(jid);
}

/** Seconds from a number, a decimal string or a Long `{low, high}`; milliseconds are told by their size. */
function readSeconds(value: unknown): number | undefined {
	const {low, high} = fieldsOf(value);
	const number = typeof low === 'number' && typeof high === 'number' ? high * 2 ** 32 + (low >>> 0) : Number(value);
	if (!Number.isFinite(number) || number <= 0) {
		return undefined;
	}
	return Math.floor(number > 1e11 ? number / 1000 : number);
}

/** RFC 3339; a year 0001 is Go's word for "unset". */
function readDate(value: unknown): number | undefined {
	return typeof value === 'string' ? readSeconds(Date.parse(value)) : undefined;
}

/** The latest moment that a date can hold. */
const MAX_DATE_MS = 8.64e15;

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

function fieldsOf(value: unknown): JsonObject {
	return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}
