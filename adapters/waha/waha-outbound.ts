import {EngineError} from '../../domain/errors.ts';
import type {ContentKind, OpenFile, OutboundContent, OutboundMessage} from '../../domain/messaging/outbound.ts';
import {toVcard} from '../../domain/messaging/vcard.ts';
import {engineError} from './waha-failure.ts';

/** A message in WAHA's words: which call, with which fields, and the file that goes with them. */
export interface WahaOutbound {
	readonly path: string;
	/** WAHA applies none of the defaults that its documentation names: every field is there. */
	readonly fields: Readonly<Record<string, unknown>>;
	readonly file?: OpenFile;
}

/** WAHA reads JSON bodies of up to 50 MiB (express), of which base64 leaves three quarters for the file. */
const MAX_FILE_MEBIBYTES = 37;

/** What WhatsApp plays as a voice note; anything else has to be converted. */
const VOICE_TYPE = /^audio\/ogg\s*;\s*codecs="?opus"?$/i;

/** What has a text of its own, or a caption. */
const WITH_TEXT: ReadonlySet<ContentKind> = new Set(['text', 'image', 'video', 'document']);

/** @throws {EngineError} MEDIA_TOO_LARGE, CONTENT_INVALID, NOT_SUPPORTED */
export function toWahaOutbound({content, mentions}: OutboundMessage<OpenFile>): WahaOutbound {
	const outbound = translate(content);
	requireSize(outbound.file);
	if (mentions === undefined) {
		return outbound;
	}
	if (!WITH_TEXT.has(content.kind)) {
		throw new EngineError(
			'CONTENT_INVALID',
			`A message of kind ${content.kind} has no text that could mention anybody`,
		);
	}
	return {...outbound, fields: {...outbound.fields, mentions}};
}

function translate(content: OutboundContent<OpenFile>): WahaOutbound {
	switch (content.kind) {
		case 'text':
			return {
				path: 'api/sendText',
				fields: {text: content.text, linkPreview: true, linkPreviewHighQuality: false},
			};
		case 'image':
			return {path: 'api/sendImage', fields: {caption: content.caption ?? ''}, file: content.file};
		case 'video':
			return {
				path: 'api/sendVideo',
				fields: {caption: content.caption ?? '', asNote: false, convert: content.file.mimetype !== 'video/mp4'},
				file: content.file,
			};
		case 'document':
			return {path: 'api/sendFile', fields: {caption: content.caption ?? ''}, file: content.file};
		case 'audio':
			return content.voice
				? {path: 'api/sendVoice', fields: {convert: !VOICE_TYPE.test(content.file.mimetype)}, file: content.file}
				: {path: 'api/sendFile', fields: {caption: ''}, file: content.file};
		case 'location':
			return {path: 'api/sendLocation', fields: locationOf(content)};
		case 'contact':
			return {path: 'api/sendContactVcard', fields: {contacts: [{vcard: toVcard(content)}]}};
		case 'poll': {
			const {question: name, options, multipleAnswers} = content;
			return {path: 'api/sendPoll', fields: {poll: {name, options, multipleAnswers}}};
		}
		case 'sticker':
			throw engineError('NOT_SUPPORTED');
	}
}

/** One title is all there is for name and address. */
function locationOf(content: Extract<OutboundContent, {kind: 'location'}>): WahaOutbound['fields'] {
	const {latitude, longitude, name, address} = content;
	return {latitude, longitude, title: [name, address].filter((part) => part !== null && part !== '').join(', ')};
}

function requireSize(file: OpenFile | undefined): void {
	if (file !== undefined && file.sizeBytes > MAX_FILE_MEBIBYTES * 1024 * 1024) {
		throw new EngineError(
			'MEDIA_TOO_LARGE',
			`A file of ${Math.ceil(file.sizeBytes / 1024 / 1024)} MB is too large: this WhatsApp engine takes up to ${MAX_FILE_MEBIBYTES} MB`,
		);
	}
}
