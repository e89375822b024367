import {contactMessage, contactReaction, imageUrl} from './noweb-events.ts';
import {phoneNumber, pushName} from './people.ts';
import {toBase64, type Seed} from './seed.ts';
import type {Incident} from './session-state.ts';

/** The pretended picture's own figures; the file does not exist. */
const IMAGE = {fileLength: '84213', height: 1024, width: 768} as const;

/** The payload of a contact's message. @param host.seed the same message gets the same noise from it */
export function messageOf(
	{key, from, type, text, atMs}: Incident & {kind: 'message'},
	{session, seed}: {readonly session: string; readonly seed: Seed},
): object {
	const timestamp = Math.floor(atMs / 1000);
	const content = type === 'image' ? imageContent : textContent;
	return contactMessage(
		{key, chatId: from, timestamp, body: text},
		{
			pushName: pushName(seed, from),
			content: content(text, seed.child(key), timestamp),
			...(from.endsWith('@lid') && {phoneNumber: phoneNumber(seed, from)}),
			...(type === 'image' && {mediaUrl: imageUrl(session, key)}),
		},
	);
}

/** The payload of a contact's reaction. */
export function reactionOf({key, from, messageId, text, atMs}: Incident & {kind: 'reaction'}): object {
	return contactReaction({key, chatId: from, timestamp: Math.floor(atMs / 1000)}, messageId, text);
}

/** What Baileys has of a text, the noise of device lists included. */
function textContent(text: string, seed: Seed, timestamp: number): object {
	return {
		conversation: text,
		messageContextInfo: {
			deviceListMetadata: {
				senderKeyHash: toBase64(seed.of('sender key'), 9),
				senderTimestamp: String(timestamp),
				recipientKeyHash: toBase64(seed.of('recipient key'), 9),
				recipientTimestamp: String(timestamp),
			},
			deviceListMetadataVersion: 2,
		},
	};
}

/** What Baileys has of a picture; without a caption the key is absent. */
function imageContent(caption: string, seed: Seed, timestamp: number): object {
	const path = `/v/t62.7118-24/${seed.of('path').readUInt32BE(0)}_n.enc`;
	return {
		imageMessage: {
			url: `https://mmg.whatsapp.net${path}?ccb=11-4&oh=01`,
			mimetype: 'image/jpeg',
			...(caption !== '' && {caption}),
			fileSha256: toBase64(seed.of('sha256'), 32),
			...IMAGE,
			mediaKey: toBase64(seed.of('media key'), 32),
			fileEncSha256: toBase64(seed.of('encrypted sha256'), 32),
			directPath: path,
			mediaKeyTimestamp: String(timestamp),
			jpegThumbnail: toBase64(seed.of('thumbnail'), 32),
		},
	};
}
