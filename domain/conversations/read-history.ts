import type {ChatMessage, EngineHistory, Slice} from '../ports/whatsapp-engine.ts';
import {collect} from './collect.ts';
import {indexOfPosition, type HistoryPosition} from './history-cursor.ts';

/** Messages of a chat, and where they begin. */
export interface HistorySlice {
	/** Newest first. */
	readonly messages: readonly ChatMessage[];
	/** As it was asked for, with all messages of its second counted that came since. */
	readonly start: HistoryPosition | undefined;
}

/** `wanted` messages behind a position, fewer only at the start of history. Messages that arrive meanwhile move nothing. */
export async function readHistory(
	{history, session, chatId}: {history: Pick<EngineHistory, 'messages'>; session: string; chatId: string},
	wanted: number,
	start: HistoryPosition | undefined,
): Promise<HistorySlice> {
	if (start === undefined) {
		const read = (slice: Slice): Promise<readonly ChatMessage[]> => history.messages(session, chatId, slice);
		return {messages: await collect(wanted, 0, read), start};
	}
	const read = (slice: Slice): Promise<readonly ChatMessage[]> =>
		history.messages(session, chatId, {...slice, untilTimestamp: start.timestamp});
	// From the message itself on: when it is further back, so many of its second came since; when it is gone, all behind it moved up.
	const found = await collect(wanted + 1, start.given - 1, read);
	const index = indexOfPosition(found, start);
	const given = start.given + index;
	const messages = index <= 0 ? found.slice(index + 1) : await collect(wanted, given, read);
	return {messages: messages.slice(0, wanted), start: {...start, given}};
}
