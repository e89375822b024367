import type {Chat, EngineHistory, Slice} from '../ports/whatsapp-engine.ts';

/** The search ends after so many chats: most accounts have fewer, and the latest come first. */
const MAX_SCANNED_CHATS = 1000;
const SCANNED_AT_ONCE = 100;

/** A slice of the chats that have unread messages, latest first: engines cannot tell them from the others. */
export async function unreadChats(
	history: Pick<EngineHistory, 'chats'>,
	session: string,
	{limit, offset}: Slice,
): Promise<readonly Chat[]> {
	const unread: Chat[] = [];
	for (let scanned = 0; scanned < MAX_SCANNED_CHATS; scanned += SCANNED_AT_ONCE) {
		const page = await history.chats(session, {limit: SCANNED_AT_ONCE, offset: scanned});
		unread.push(...page.filter((chat) => chat.unread > 0));
		if (page.length === 0 || unread.length >= offset + limit) break;
	}
	return unread.slice(offset, offset + limit);
}
