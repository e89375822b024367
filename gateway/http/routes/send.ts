import {z} from 'zod';
import type {Messaging} from '../../../domain/messaging/messaging.ts';
import {flag, line} from '../fields.ts';
import {prose, recipientFields} from '../message-fields.ts';
import type {Route} from '../route.ts';
import {sending} from '../sending.ts';

/** Names of places and people. */
const MAX_NAME_LENGTH = 500;

const MAX_ADDRESS_LENGTH = 1000;

const MIN_OPTIONS = 2;
/** WhatsApp's own limits of a poll. */
const MAX_OPTIONS = 12;
const MAX_OPTION_LENGTH = 100;
const MAX_QUESTION_LENGTH = 255;

const TEXT_REQUIRED = 'chatId and text are required';
const LOCATION_REQUIRED = 'chatId, latitude and longitude are required';
const CONTACT_REQUIRED = 'chatId, contactName and contactPhone are required';
const POLL_REQUIRED = 'chatId, question and options are required';

const TextMessage = z.object({
	...recipientFields(TEXT_REQUIRED),
	text: prose('text', {required: TEXT_REQUIRED}).meta({example: 'Hello'}),
});

const LocationMessage = z.object({
	...recipientFields(LOCATION_REQUIRED),
	latitude: degrees('latitude', 90),
	longitude: degrees('longitude', 180),
	name: line('name', {maxLength: MAX_NAME_LENGTH}).exactOptional(),
	address: prose('address', {maxLength: MAX_ADDRESS_LENGTH}).exactOptional(),
});

const ContactMessage = z.object({
	...recipientFields(CONTACT_REQUIRED),
	contactName: line('contactName', {maxLength: MAX_NAME_LENGTH, required: CONTACT_REQUIRED}),
	contactPhone: line('contactPhone', {required: CONTACT_REQUIRED})
		.transform((phone) => phone.replace(/[\s().+-]/g, ''))
		.refine(
			(digits) => /^\d{5,20}$/.test(digits),
			'contactPhone must be a number with country code, such as +15550001111',
		)
		.meta({description: 'With country code', example: '+15550001111'}),
});

const question = line('question', {maxLength: MAX_QUESTION_LENGTH});

const PollMessage = z
	.object({
		...recipientFields(POLL_REQUIRED),
		question: question.meta({example: 'Lunch?'}).exactOptional(),
		name: question.meta({description: 'Another word for `question`'}).exactOptional(),
		options: z
			.array(
				line('each value in options', {
					maxLength: MAX_OPTION_LENGTH,
					required: 'each value in options must have a text',
				}),
				{error: ({input}) => (input === undefined ? POLL_REQUIRED : 'options must be an array')},
			)
			.min(MIN_OPTIONS, `options must have ${MIN_OPTIONS} to ${MAX_OPTIONS} values`)
			.max(MAX_OPTIONS, `options must have ${MIN_OPTIONS} to ${MAX_OPTIONS} values`)
			.refine((options) => new Set(options).size === options.length, 'options must differ from each other')
			.meta({example: ['Yes', 'No']}),
		multipleAnswers: flag('multipleAnswers').meta({description: 'Default: one answer each'}).exactOptional(),
	})
	.refine((poll) => questionOf(poll).trim() !== '', POLL_REQUIRED);

/** Messages without a file. */
export function sendRoutes({messaging}: {messaging: Messaging}): readonly Route[] {
	return [
		sending(messaging, {
			name: 'send',
			id: 'sendText',
			summary: 'Send a text',
			schema: TextMessage,
			example: {chatId: '15550110000@c.us', text: 'Hello'},
			toContent: ({text}) => ({kind: 'text', text}),
		}),
		sending(messaging, {
			name: 'send-location',
			id: 'sendLocation',
			summary: 'Send a location',
			schema: LocationMessage,
			example: {chatId: '15550110000@c.us', latitude: 52.52, longitude: 13.405, name: 'Berlin'},
			toContent: ({latitude, longitude, name = '', address = ''}) => ({
				kind: 'location',
				latitude,
				longitude,
				name: name === '' ? null : name,
				address: address === '' ? null : address,
			}),
		}),
		sending(messaging, {
			name: 'send-contact',
			id: 'sendContact',
			summary: 'Send a contact card',
			schema: ContactMessage,
			example: {chatId: '15550110000@c.us', contactName: 'Jane Doe', contactPhone: '+15550001111'},
			toContent: ({contactName, contactPhone}) => ({kind: 'contact', name: contactName, phone: contactPhone}),
		}),
		sending(messaging, {
			name: 'send-poll',
			id: 'sendPoll',
			summary: 'Send a poll',
			schema: PollMessage,
			example: {chatId: '15550110000@c.us', question: 'Lunch?', options: ['Yes', 'No'], multipleAnswers: false},
			toContent: ({options, multipleAnswers = false, ...poll}) => ({
				kind: 'poll',
				question: questionOf(poll),
				options,
				multipleAnswers,
			}),
		}),
	];
}

function questionOf({question = '', name = ''}: {question?: string; name?: string}): string {
	return question === '' ? name : question;
}

function degrees(field: string, limit: number): z.ZodNumber {
	const outOfRange = `${field} must be a number from -${limit} to ${limit}`;
	return z
		.number({error: ({input}) => (input === undefined ? LOCATION_REQUIRED : outOfRange)})
		.min(-limit, outOfRange)
		.max(limit, outOfRange);
}
