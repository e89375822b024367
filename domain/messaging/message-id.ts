import {ValidationError} from '../errors.ts';

/** The parts of a full message id, `{true|false}_{chatId}_{key}[_{participant}]`. */
export interface MessageIdParts {
	readonly fromMe: boolean;
	readonly chatId: string;
	/** WhatsApp's own key: what acknowledgements, edits and quotes have in common, whatever form the chat's id has. */
	readonly key: string;
}

const FULL_ID = /^(true|false)_([^_]+@[a-z.]+)_([^_]+)(_.+)?$/;

/** Undefined for what is no full id, such as a bare key. */
export function readMessageId(id: string): MessageIdParts | undefined {
	const [, fromMe, chatId, key] = FULL_ID.exec(id) ?? [];
	return chatId === undefined || key === undefined ? undefined : {fromMe: fromMe === 'true', chatId, key};
}

/** WhatsApp's own key of a full id; anything else is taken for a key already. */
export function messageKeyOf(id: string): string {
	return readMessageId(id)?.key ?? id;
}

/** @throws {ValidationError} engines need the full id to change a message */
export function requireMessageId(id: string, field = 'messageId'): MessageIdParts {
	const parts = readMessageId(id);
	if (parts === undefined) {
		throw new ValidationError(
			`${field} must be a full message id such as true_15550001111@c.us_3EB0…: take it from the event or the answer to the send`,
		);
	}
	return parts;
}
