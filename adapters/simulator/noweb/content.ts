import {toVcard} from '../../../domain/messaging/vcard.ts';
import {MOSAIC_SIZE} from '../files/mosaic-jpeg.ts';
import {VIDEO_SECONDS} from '../files/mosaic-video.ts';
import {VOICE_SECONDS} from '../files/silent-voice-note.ts';
import type {SimulatedContent, SimulatedFile} from '../files/simulated-file.ts';
import {toBase64, type Seed} from '../seed.ts';

/** What surrounds a content. */
export interface ContentFrame {
	/** The message's own: the same message has the same noise. */
	readonly noise: Seed;
	/** Unix seconds. */
	readonly timestamp: number;
	/** Phones write plain texts in another way than the API. */
	readonly isPlain: boolean;
	/** Quotes, mentions; absent = none. */
	readonly contextInfo?: object;
}

/** A content as Baileys has it, `_data.message`. Pixels and seconds are those of drawn files, whatever the file is. */
export function baileysContent(content: SimulatedContent, frame: ContentFrame): object {
	const context = frame.contextInfo && {contextInfo: frame.contextInfo};
	switch (content.kind) {
		case 'text':
			return frame.isPlain && context === undefined
				? {conversation: content.text, ...deviceLists(frame)}
				: {extendedTextMessage: {text: content.text, ...context}};
		case 'location':
			return {locationMessage: {...placeOf(content), jpegThumbnail: thumbnail(frame), ...context}};
		case 'contact':
			return {contactMessage: {displayName: content.name, vcard: toVcard(content), ...context}};
		case 'poll':
			return pollOf(content, frame, context);
		default:
			return mediaOf(content, frame, context);
	}
}

type ContentOf<Kind extends SimulatedContent['kind']> = Extract<SimulatedContent, {readonly kind: Kind}>;

function mediaOf(
	content: Extract<SimulatedContent, {readonly file: unknown}>,
	frame: ContentFrame,
	context: object | undefined,
): object {
	const {file} = content;
	const {place, hash, keys} = secretsOf(file, frame);
	const {height, width} = MOSAIC_SIZE;
	const keyTime = {mediaKeyTimestamp: String(frame.timestamp)};
	const preview = {jpegThumbnail: thumbnail(frame)};
	const fileLength = String(file.sizeBytes);
	switch (content.kind) {
		case 'image': {
			const caption = captionOf(content.caption);
			const size = {fileLength, height, width};
			return {imageMessage: {...place, ...caption, ...hash, ...size, ...keys, ...keyTime, ...preview, ...context}};
		}
		case 'video': {
			const caption = captionOf(content.caption);
			const size = {fileLength, seconds: VIDEO_SECONDS, height, width};
			return {videoMessage: {...place, ...caption, ...hash, ...size, ...keys, ...keyTime, ...preview, ...context}};
		}
		case 'audio': {
			const length = {fileLength, seconds: VOICE_SECONDS, ptt: content.voice};
			const waveform = content.voice && {waveform: toBase64(Buffer.alloc(64), 64)};
			return {audioMessage: {...place, ...hash, ...length, ...keys, ...keyTime, ...waveform, ...context}};
		}
		case 'document':
			return documentOf(file, content.caption, frame, context);
		case 'sticker': {
			const {directPath, mediaKey} = keys;
			const size = {height: 512, width: 512, directPath, fileLength, isAnimated: false};
			return {stickerMessage: {...place, ...hash, ...size, mediaKey, ...context}};
		}
	}
}

/** With a caption it is wrapped once more. */
function documentOf(
	file: SimulatedFile,
	text: string | null,
	frame: ContentFrame,
	context: object | undefined,
): object {
	const caption = captionOf(text);
	const {place, hash, keys} = secretsOf(file, frame);
	const {mediaKey, fileEncSha256, directPath} = keys;
	const title = file.filename ?? '';
	const documentMessage = {
		...place,
		title,
		...hash,
		fileLength: String(file.sizeBytes),
		...(file.mimetype === 'application/pdf' && {pageCount: 1}),
		mediaKey,
		fileName: title,
		fileEncSha256,
		directPath,
		...caption,
		...context,
	};
	return caption === undefined ? {documentMessage} : {documentWithCaptionMessage: {message: {documentMessage}}};
}

function pollOf(
	{question, options, multipleAnswers}: ContentOf<'poll'>,
	{noise}: ContentFrame,
	context: object | undefined,
): object {
	const poll = {
		name: question,
		options: options.map((optionName) => ({optionName})),
		selectableOptionsCount: multipleAnswers ? 0 : 1,
		...context,
	};
	return {
		[multipleAnswers ? 'pollCreationMessage' : 'pollCreationMessageV3']: poll,
		messageContextInfo: {messageSecret: toBase64(noise.of('secret'), 32)},
	};
}

function placeOf({latitude, longitude, name, address}: ContentOf<'location'>): object {
	return {
		degreesLatitude: latitude,
		degreesLongitude: longitude,
		...(name !== null && {name}),
		...(address !== null && {address}),
	};
}

/** Where WhatsApp would have the encrypted file, and what opens it; only hash and length are those of the file. */
function secretsOf({mimetype, sha256}: SimulatedFile, {noise}: ContentFrame) {
	const directPath = `/v/t62.7118-24/${noise.of('path').readUInt32BE(0)}_n.enc`;
	return {
		place: {url: `https://mmg.whatsapp.net${directPath}?ccb=11-4&oh=01`, mimetype},
		hash: {fileSha256: sha256},
		keys: {
			mediaKey: toBase64(noise.of('media key'), 32),
			fileEncSha256: toBase64(noise.of('encrypted sha256'), 32),
			directPath,
		},
	} as const;
}

/** Without a caption the key is absent. */
function captionOf(caption: string | null): {readonly caption: string} | undefined {
	return caption === null || caption === '' ? undefined : {caption};
}

function thumbnail({noise}: ContentFrame): string {
	return toBase64(noise.of('thumbnail'), 32);
}

/** The noise of device lists that phones add to a text. */
function deviceLists({noise, timestamp}: ContentFrame): object {
	return {
		messageContextInfo: {
			deviceListMetadata: {
				senderKeyHash: toBase64(noise.of('sender key'), 9),
				senderTimestamp: String(timestamp),
				recipientKeyHash: toBase64(noise.of('recipient key'), 9),
				recipientTimestamp: String(timestamp),
			},
			deviceListMetadataVersion: 2,
		},
	};
}
