/** @param session any text: it becomes one segment */
export function sessionPath(session: string): string {
	return `api/sessions/${encodeURIComponent(session)}`;
}

/** All chats of a session. */
export function chatsPath(session: string): string {
	return `api/${encodeURIComponent(session)}/chats`;
}

/** The messages of a chat. @param chatId any text: it becomes one segment */
export function messagesPath(session: string, chatId: string): string {
	return `${chatsPath(session)}/${encodeURIComponent(chatId)}/messages`;
}

/** One message. */
export function messagePath(session: string, {chatId, messageId}: {chatId: string; messageId: string}): string {
	return `${messagesPath(session, chatId)}/${encodeURIComponent(messageId)}`;
}

/** Leaves out what is undefined. */
export function withQuery(
	path: string,
	query: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
	const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
	return `${path}?${new URLSearchParams(given).toString()}`;
}
