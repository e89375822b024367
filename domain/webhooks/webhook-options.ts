import {ValidationError} from '../errors.ts';
import {normaliseChatId} from '../messaging/chat-id.ts';
import {headerFaults} from './custom-headers.ts';
import type {Ordered} from './ordering.ts';
import type {WebhookFilter} from './webhook.ts';

/** What an owner may set of a webhook beside its URL; absent = unchanged, null = the default. */
export interface WebhookOptions {
	/** Event names, `<prefix>.*` or `*`. The contract takes anything else too: it is kept, and matches nothing. */
	readonly events?: readonly string[];
	readonly retryScheduleMs?: readonly number[] | null;
	readonly timeoutMs?: number | null;
	/** Custom headers, in clear; null or none = no headers of its own. */
	readonly headers?: Readonly<Record<string, string>> | null;
	readonly filter?: WebhookFilter | null;
	readonly ratePerSecond?: number | null;
	readonly concurrency?: number | null;
	readonly ordered?: Ordered | null;
}

/**
 * Brings options into the form in which they are kept: chats in WhatsApp's own form, a filter that filters nothing as null.
 * @throws {ValidationError} a chat or a header cannot be one; all faults at once
 */
export function checkOptions<Options extends WebhookOptions>(options: Options): Options {
	const faults = [...headerFaults(options.headers ?? {})];
	const chats = options.filter?.chats?.map((chat) => chatOrFault(chat, faults));
	if (faults.length > 0) {
		throw new ValidationError(faults);
	}
	if (options.filter === undefined) return options;
	const filter = {...options.filter, ...(chats !== undefined && {chats: [...new Set(chats)]})};
	return {...options, filter: Object.keys(filter).length === 0 ? null : filter};
}

function chatOrFault(chat: string, faults: string[]): string {
	try {
		return normaliseChatId(chat, 'filter.chats');
	} catch (error) {
		if (!(error instanceof ValidationError)) throw error;
		faults.push(error.message);
		return chat;
	}
}
