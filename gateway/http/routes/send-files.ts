import {z} from 'zod';
import type {ErrorCode} from '../../../domain/errors.ts';
import type {Messaging} from '../../../domain/messaging/messaging.ts';
import type {OutboundContent, OutboundFile} from '../../../domain/messaging/outbound.ts';
import {flag} from '../fields.ts';
import {checkSources, FILE_FACTS, fileUrl, toOutboundFile, upload, type UrlRefusal} from '../file-fields.ts';
import {prose, recipientFields} from '../message-fields.ts';
import type {Route} from '../route.ts';
import {sending} from '../sending.ts';
import {EXAMPLE_FILES} from './example-files.ts';

const REQUIRED = 'chatId and one of url or data are required';
const MEDIA_REQUIRED = 'chatId, type and one of mediaUrl or mediaData are required';

const FILE_ERRORS: readonly ErrorCode[] = [
	'PAYLOAD_TOO_LARGE',
	'MEDIA_TOO_LARGE',
	'MEDIA_FETCH_FAILED',
	'MEDIA_NOT_FOUND',
	'MEDIA_STORE_UNAVAILABLE',
];

const DESCRIPTION =
	'The file is given by `url` (fetched once, when it is sent) or in `data` (base64, in a body of up to 50 MB), never both.';

const CHAT = '15550110000@c.us';

/** What the three kinds with a caption differ in. */
const CAPTIONED = [
	{kind: 'image', id: 'sendImage', summary: 'Send an image', file: {data: EXAMPLE_FILES.picture}},
	{
		kind: 'document',
		id: 'sendDocument',
		summary: 'Send a document',
		file: {data: EXAMPLE_FILES.text, filename: 'hello.txt'},
	},
	{kind: 'video', id: 'sendVideo', summary: 'Send a video', file: {data: EXAMPLE_FILES.film}},
] as const;

const caption = prose('caption').exactOptional();

/** Messages with a file. @param options.refusal tells which URLs are not to be fetched */
export function sendFileRoutes({messaging, refusal}: {messaging: Messaging; refusal: UrlRefusal}): readonly Route[] {
	const fields = {
		...recipientFields(REQUIRED),
		url: fileUrl('url', refusal).exactOptional(),
		data: upload('data').exactOptional(),
		...FILE_FACTS,
	};
	const withCaption = oneSource(z.object({...fields, caption}));
	const withVoice = oneSource(
		z.object({...fields, voice: flag('voice').meta({description: 'As a voice note. Default true'}).exactOptional()}),
	);
	const shared = {description: DESCRIPTION, uploads: ['data'], errors: FILE_ERRORS};
	return [
		...CAPTIONED.map(({kind, id, summary, file}) =>
			sending(messaging, {
				...shared,
				name: `send-${kind}`,
				id,
				summary,
				schema: withCaption,
				example: {chatId: CHAT, ...file, caption: 'Have a look'},
				toContent: (body) => captioned(kind, toOutboundFile(body), body.caption),
			}),
		),
		sending(messaging, {
			...shared,
			name: 'send-audio',
			id: 'sendAudio',
			summary: 'Send audio',
			description: `${DESCRIPTION} A voice note unless \`voice\` is false.`,
			schema: withVoice,
			example: {chatId: CHAT, data: EXAMPLE_FILES.voice, voice: true},
			toContent: ({voice = true, ...body}) => ({kind: 'audio', file: toOutboundFile(body), voice}),
		}),
		sending(messaging, {
			...shared,
			name: 'send-sticker',
			id: 'sendSticker',
			summary: 'Send a sticker',
			schema: oneSource(z.object(fields)),
			example: {chatId: CHAT, data: EXAMPLE_FILES.picture},
			toContent: (body) => ({kind: 'sticker', file: toOutboundFile(body)}),
		}),
		sendMedia(messaging, refusal),
	];
}

/** The one route of a dashboard that names things its own way. */
function sendMedia(messaging: Messaging, refusal: UrlRefusal): Route {
	return sending(messaging, {
		name: 'send-media',
		id: 'sendMedia',
		summary: 'Send a file of any kind',
		description: 'As `send-image`, `send-document` (`file`) and `send-audio` (`voice`), in one.',
		uploads: ['mediaData'],
		errors: FILE_ERRORS,
		schema: z
			.object({
				...recipientFields(MEDIA_REQUIRED),
				type: z.enum(['image', 'file', 'voice'], {
					error: ({input}) => (input === undefined ? MEDIA_REQUIRED : 'type must be image, file or voice'),
				}),
				mediaUrl: fileUrl('mediaUrl', refusal).exactOptional(),
				mediaData: upload('mediaData').exactOptional(),
				...FILE_FACTS,
				caption,
			})
			.superRefine(({mediaUrl, mediaData}, context) => {
				const fault = checkSources({mediaUrl, mediaData}, MEDIA_REQUIRED);
				if (fault !== undefined) context.addIssue(fault);
			}),
		example: {chatId: CHAT, type: 'image', mediaData: EXAMPLE_FILES.picture, caption: 'Have a look'},
		toContent: ({type, mediaUrl, mediaData, caption, ...facts}) => {
			const file = toOutboundFile({...facts, url: mediaUrl, data: mediaData});
			if (type === 'voice') return {kind: 'audio', file, voice: true};
			return captioned(type === 'file' ? 'document' : 'image', file, caption);
		},
	});
}

function captioned(kind: 'image' | 'document' | 'video', file: OutboundFile, caption = ''): OutboundContent {
	return {kind, file, caption: caption === '' ? null : caption};
}

/** Refuses a message with no file, or with two. */
function oneSource<Shape extends z.ZodRawShape & {readonly url: z.ZodType; readonly data: z.ZodType}>(
	schema: z.ZodObject<Shape>,
): z.ZodObject<Shape> {
	return schema.superRefine((body, context) => {
		const {url, data} = body as Parameters<typeof toOutboundFile>[0];
		const fault = checkSources({url, data}, REQUIRED);
		if (fault !== undefined) context.addIssue(fault);
	});
}
