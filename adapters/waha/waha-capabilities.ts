import {EngineError} from '../../domain/errors.ts';
import type {Capability, CapabilityTable, Operation} from '../../domain/ports/whatsapp-engine.ts';

/** What a WAHA server runs. This module and the mappers hold everything in which they differ. */
export type WahaEngineName = 'GOWS' | 'NOWEB' | 'WEBJS';

const YES: Capability = {level: 'yes'};

/** What all three have, as of 2026.7.1. */
const SHARED = {
	qr: YES,
	'pairing-code': YES,
	me: YES,
	'client-message-id': {
		level: 'degraded',
		note: 'WAHA promises our ids for texts, locations, contacts, polls and forwarded messages; files may get others',
	},
	'send.text': YES,
	'send.image': YES,
	'send.video': YES,
	'send.document': YES,
	'send.audio': {
		level: 'degraded',
		note: 'audio that is no voice note is sent as a file: WAHA has nothing else for it',
	},
	'send.sticker': {level: 'no', note: 'no engine of WAHA sends stickers'},
	'send.location': {level: 'degraded', note: 'WAHA takes one title: name and address are joined in it'},
	'send.contact': YES,
	'send.poll': YES,
	reply: YES,
	mentions: YES,
	edit: YES,
	revoke: YES,
	forward: YES,
	react: YES,
	'mark-read': YES,
	typing: YES,
	chats: YES,
	messages: YES,
	contacts: YES,
	'profile-picture': YES,
	media: YES,
	'media-again': YES,
} as const satisfies CapabilityTable;

const DIFFERENCES: Readonly<Record<WahaEngineName, Partial<CapabilityTable>>> = {
	GOWS: {forward: {level: 'no', note: 'GOWS cannot forward messages; NOWEB and WEBJS can'}},
	NOWEB: {},
	WEBJS: {
		'client-message-id': {level: 'no', note: 'WEBJS gives every message an id of its own; GOWS and NOWEB take ours'},
		'send.video': {level: 'degraded', note: "WEBJS needs WAHA's image with Chrome for videos; GOWS and NOWEB do not"},
		forward: {level: 'degraded', note: 'WEBJS does not tell the id of the forwarded message; NOWEB does'},
		messages: {
			level: 'degraded',
			note: 'WEBJS finds a message of a group by its full id only; GOWS and NOWEB by its key too',
		},
	},
};

/** What a WAHA with this engine can do. */
export function capabilitiesOf(engine: WahaEngineName): CapabilityTable {
	return {...SHARED, ...DIFFERENCES[engine]};
}

/** WEBJS leaves the ids of messages to its browser. */
export function takesMessageIds(engine: WahaEngineName): boolean {
	return capabilitiesOf(engine)['client-message-id'].level !== 'no';
}

/** @throws {EngineError} NOT_SUPPORTED, with the reason; WAHA is not asked */
export function requireOperation(engine: WahaEngineName, operation: Operation): void {
	const {level, note} = capabilitiesOf(engine)[operation];
	if (level === 'no') {
		throw new EngineError(
			'NOT_SUPPORTED',
			`The engine of this connection cannot do this (${operation}): ${note ?? ''}`,
		);
	}
}
