import {ValidationError} from '../errors.ts';
import {messageKeyOf} from '../messaging/message-id.ts';
import type {ChatMessage} from '../ports/whatsapp-engine.ts';

/**
 * A place in a chat's history, newest first: behind one message. Times are the only order that all engines keep, and many messages
 * share a second: those are counted, and the message itself tells whether more of its second came since.
 */
export interface HistoryPosition {
	/** Of the message, Unix seconds. */
	readonly timestamp: number;
	/** How many messages of that second were given, itself included. */
	readonly given: number;
	/** Of the message. */
	readonly key: string;
}

const CURSOR = /^(\d{1,11})\.([1-9]\d{0,5})\.(.{1,300})$/;

/** A position as clients carry it: to them it means nothing. */
export function toHistoryCursor({timestamp, given, key}: HistoryPosition): string {
	return Buffer.from(`${timestamp}.${given}.${key}`).toString('base64url');
}

/** @throws {ValidationError} it is none of ours */
export function readHistoryCursor(cursor: string): HistoryPosition {
	const [, timestamp, given, key] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
	if (timestamp === undefined || given === undefined || key === undefined) {
		throw new ValidationError('before is not one of ours: take it from nextBefore of the page before');
	}
	return {timestamp: Number(timestamp), given: Number(given), key};
}

/** The place behind a page that began at `start`; undefined behind nothing at all. */
export function positionBehind(
	page: readonly ChatMessage[],
	start: HistoryPosition | undefined,
): HistoryPosition | undefined {
	const last = page.at(-1);
	if (last === undefined) {
		return start;
	}
	const {timestamp} = last;
	const givenHere = page.filter((other) => other.timestamp === timestamp).length;
	const givenBefore = start?.timestamp === timestamp ? start.given : 0;
	return {timestamp, given: givenBefore + givenHere, key: messageKeyOf(last.id)};
}

/** Where the message of a position is in a list; -1 when it is not there. */
export function indexOfPosition(messages: readonly ChatMessage[], {timestamp, key}: HistoryPosition): number {
	return messages.findIndex((message) => message.timestamp === timestamp && messageKeyOf(message.id) === key);
}
