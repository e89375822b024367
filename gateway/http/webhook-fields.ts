import {z} from 'zod';
import {LONGEST_TIMEOUT_MS, type WebhookFilter} from '../../domain/webhooks/webhook.ts';
import type {WebhookOptions} from '../../domain/webhooks/webhook-options.ts';
import {line} from './fields.ts';

const MAX_URL_LENGTH = 2048;
const MAX_EVENTS = 100;
const MAX_CHATS = 1000;
const MAX_CHAT_LENGTH = 100;

const MAX_RETRIES = 20;
const MAX_DELAY_SECONDS = 24 * 60 * 60;
const MAX_TIMEOUT_SECONDS = LONGEST_TIMEOUT_MS / 1000;
const MAX_CONCURRENCY = 100;
/** One every ten seconds … */
const MIN_RATE = 0.1;
/** … up to about what one process can send at all. */
const MAX_RATE = 1000;

const SECOND_MS = 1000;

const url = z
	.string('url must be a URL address')
	.refine(isHttpUrl, 'url must be a URL address')
	.meta({description: 'http or https, without user name and password', example: 'https://example.com/hooks/whatsapp'});

const EACH_EVENT = 'each value in events';

/**
 * Of a webhook, or of those that one already has. The contract takes any name, whether there is such an event or not; blanks around
 * one come from lists with commas.
 */
export const eventNames = z
	.array(z.string(`${EACH_EVENT} must be a string`).trim().pipe(line(EACH_EVENT)), 'events must be an array')
	.max(MAX_EVENTS, `events must have at most ${MAX_EVENTS} values`)
	.meta({
		description: `\`*\` for all, event names, or the beginning of some: \`message.*\`, \`group.v2.*\`. At most ${MAX_EVENTS}; names of no event are kept, and match nothing`,
		example: ['message', 'group.v2.*'],
	});

const SCHEDULE_FAULT = `retry.schedule must be 1 to ${MAX_RETRIES} whole seconds, each from 1 to ${MAX_DELAY_SECONDS}`;
const FILTER_CHATS_FAULT = `filter.chats must be 1 to ${MAX_CHATS} chat ids`;

/** Beside URL and events. In a body, `null` sets one back to its default. */
const optional = {
	// Strict, other than bodies are: a filter with a typing error would let everything pass.
	retry: z
		.strictObject(
			{
				schedule: z
					.array(z.int(SCHEDULE_FAULT).min(1, SCHEDULE_FAULT).max(MAX_DELAY_SECONDS, SCHEDULE_FAULT), SCHEDULE_FAULT)
					.min(1, SCHEDULE_FAULT)
					.max(MAX_RETRIES, SCHEDULE_FAULT)
					.nullish(),
			},
			'retry must be {"schedule": [seconds, …]}',
		)
		.nullable()
		.meta({
			description: 'Seconds to wait after each failed attempt; default about 21 hours in ten steps',
			example: {schedule: [5, 60, 3600]},
		})
		.exactOptional(),
	timeoutSeconds: inRange('timeoutSeconds', 1, MAX_TIMEOUT_SECONDS)
		.nullable()
		.meta({description: 'Deadline of one attempt, for the whole answer; default as the server says (15)', example: 10})
		.exactOptional(),
	headers: z
		.record(z.string(), z.string('each value in headers must be a string'), 'headers must be an object')
		.nullable()
		.meta({
			description:
				'Sent with every delivery: at most 20, 4 KB in all; they replace those that were set before. Kept encrypted',
			example: {Authorization: 'Bearer 4f2a…'},
		})
		.exactOptional(),
	filter: z
		.strictObject(
			{
				chats: z
					.array(z.string(FILTER_CHATS_FAULT).max(MAX_CHAT_LENGTH, FILTER_CHATS_FAULT), FILTER_CHATS_FAULT)
					.min(1, FILTER_CHATS_FAULT)
					.max(MAX_CHATS, FILTER_CHATS_FAULT)
					.nullish(),
				fromMe: z.boolean('filter.fromMe must be a boolean value').nullish(),
			},
			'filter must be {"chats": [chatId, …], "fromMe": true or false}, or one of both',
		)
		.nullable()
		.meta({
			description:
				'Only events of these chats, only messages of the linked account (`fromMe: true`) or of others (`false`). What is about no chat or message passes',
			example: {chats: ['15550001111@c.us'], fromMe: false},
		})
		.exactOptional(),
	rateLimit: inRange('rateLimit', MIN_RATE, MAX_RATE)
		.nullable()
		.meta({description: 'Deliveries a second, evenly, in one process; default no limit', example: 20})
		.exactOptional(),
	concurrency: wholeInRange('concurrency', 1, MAX_CONCURRENCY)
		.nullable()
		.meta({description: 'Deliveries at once in one process; default 10', example: 10})
		.exactOptional(),
	ordered: z
		.literal(['chat', false], 'ordered must be "chat" or false')
		.nullable()
		.meta({
			description:
				'`chat`: events of one chat come in their order, also when some fail; counts for events from 10 s later on. Default false',
			example: 'chat',
		})
		.exactOptional(),
};

export const NewWebhookBody = z.object({url, events: eventNames, ...optional});

export const WebhookChangesBody = z.object({
	url: url.exactOptional(),
	events: eventNames.exactOptional(),
	active: z.boolean('active must be a boolean value').exactOptional(),
	...optional,
});

type OptionFields = z.output<z.ZodObject<typeof optional>>;

/** The fields of a body in the words and units of the domain. */
export function toDomain<Body extends OptionFields>(
	body: Body,
): Omit<Body, keyof OptionFields> & Omit<WebhookOptions, 'events'> {
	const {retry, timeoutSeconds, headers, filter, rateLimit, concurrency, ordered, ...rest} = body;
	return {
		...rest,
		...(retry !== undefined && {retryScheduleMs: retry?.schedule?.map((seconds) => seconds * SECOND_MS) ?? null}),
		...(timeoutSeconds !== undefined && {timeoutMs: timeoutSeconds === null ? null : timeoutSeconds * SECOND_MS}),
		...(headers !== undefined && {headers}),
		...(filter !== undefined && {filter: filter && toFilter(filter)}),
		...(rateLimit !== undefined && {ratePerSecond: rateLimit}),
		...(concurrency !== undefined && {concurrency}),
		...(ordered !== undefined && {ordered}),
	};
}

function toFilter({chats, fromMe}: NonNullable<OptionFields['filter']>): WebhookFilter {
	return {...(chats && {chats}), ...(typeof fromMe === 'boolean' && {fromMe})};
}

function inRange(field: string, minimum: number, maximum: number): z.ZodNumber {
	const fault = `${field} must be a number from ${minimum} to ${maximum}`;
	return z.number(fault).min(minimum, fault).max(maximum, fault);
}

function wholeInRange(field: string, minimum: number, maximum: number): z.ZodNumber {
	const fault = `${field} must be a whole number from ${minimum} to ${maximum}`;
	return z.int(fault).min(minimum, fault).max(maximum, fault);
}

/** Looks at the text only: creating a webhook must not depend on DNS. Which addresses may be called is the sender's rule. */
function isHttpUrl(value: string): boolean {
	return (
		value.length <= MAX_URL_LENGTH && /^https?:\/\/[^\s/]/i.test(value) && !/\s/.test(value) && URL.canParse(value)
	);
}
