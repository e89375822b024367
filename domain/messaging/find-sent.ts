import type {CommandStore} from '../ports/command-store.ts';
import type {CommandRecord} from './command.ts';
import {messageKeyOf} from './message-id.ts';

/**
 * The send behind a message id (full, or WhatsApp's own key) or a command id; undefined for what this connection did not send through
 * here. @throws {StoreUnavailableError}
 */
export async function findSent(
	commands: Pick<CommandStore, 'find' | 'findByMessageKey'>,
	connectionId: string,
	id: string,
): Promise<CommandRecord | undefined> {
	const record = (await commands.findByMessageKey(connectionId, messageKeyOf(id))) ?? (await commands.find(id));
	return record?.connectionId === connectionId ? record : undefined;
}
