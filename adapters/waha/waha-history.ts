import {isEngineError} from '../../domain/engines/is-engine-error.ts';
import type {Chat, ChatMessage, Contact, EngineHistory, Slice} from '../../domain/ports/whatsapp-engine.ts';
import type {WahaEngineName} from './waha-capabilities.ts';
import type {WahaClient} from './waha-client.ts';
import {engineError} from './waha-failure.ts';
import {isOfChat, lookupIdsOf, toChat, toChatMessage, toContact} from './waha-messages-mapper.ts';
import {chatsPath, messagePath, messagesPath, withQuery} from './waha-paths.ts';
import {fieldsOf, readList, readText} from './waha-values.ts';

/** Groups and channels are among WAHA's contacts, so that pages of people are cut here. About 250 KB of JSON. */
const CONTACTS_PER_CALL = 500;

/** Reading what the phone of a session on one WAHA knows. NOWEB needs its store for all of it, which `waha-session-config.ts` enables. */
export class WahaHistory implements EngineHistory {
	readonly #client: WahaClient;
	readonly #engine: WahaEngineName;

	constructor({client, engine}: {client: WahaClient; engine: WahaEngineName}) {
		this.#client = client;
		this.#engine = engine;
	}

	async chats(session: string, {limit, offset}: Slice): Promise<readonly Chat[]> {
		const path = withQuery(`${chatsPath(session)}/overview`, {limit, offset, merge: true});
		return (await this.#list(path)).map(toChat).filter((chat) => chat !== undefined);
	}

	async messages(
		session: string,
		chatId: string,
		{limit, offset, untilTimestamp}: Slice & {readonly untilTimestamp?: number},
	): Promise<readonly ChatMessage[]> {
		const path = withQuery(messagesPath(session, chatId), {
			limit,
			offset,
			// WAHA's default is to fetch every file of the page from WhatsApp.
			downloadMedia: false,
			merge: true,
			sortBy: 'timestamp',
			sortOrder: 'desc',
			'filter.timestamp.lte': untilTimestamp,
		});
		return (await this.#list(path)).map(toChatMessage).filter((message) => message !== undefined);
	}

	async findMessage(session: string, chatId: string, id: string): Promise<ChatMessage | undefined> {
		for (const messageId of lookupIdsOf(this.#engine, chatId, id)) {
			const found = await this.#find(session, {chatId, messageId});
			if (found !== undefined && isOfChat(found, chatId)) return found;
		}
		return undefined;
	}

	/** Reads from the start, since only people count. */
	async contacts(session: string, {limit, offset}: Slice): Promise<readonly Contact[]> {
		const people = new Map<string, Contact>();
		for (let start = 0; people.size < offset + limit; start += CONTACTS_PER_CALL) {
			const query = {session, limit: CONTACTS_PER_CALL, offset: start, sortBy: 'id', sortOrder: 'asc'};
			const page = await this.#list(withQuery('api/contacts/all', query));
			for (const contact of page.map(toContact)) {
				if (contact !== undefined) people.set(contact.id, contact);
			}
			// More than was asked for is everything.
			if (page.length !== CONTACTS_PER_CALL) break;
		}
		return [...people.values()].slice(offset, offset + limit);
	}

	async profilePicture(session: string, contactId: string): Promise<string | null> {
		const answer = await this.#client.read(withQuery('api/contacts/profile-picture', {contactId, session}));
		return readText(fieldsOf(answer)['profilePictureURL']) ?? null;
	}

	async #find(session: string, target: {chatId: string; messageId: string}): Promise<ChatMessage | undefined> {
		const path = withQuery(messagePath(session, target), {downloadMedia: false, merge: true});
		try {
			return toChatMessage(await this.#client.read(path, {meanings: {404: 'MESSAGE_NOT_FOUND'}}));
		} catch (error) {
			if (isEngineError(error, 'MESSAGE_NOT_FOUND')) return undefined;
			throw error;
		}
	}

	/** @throws {EngineError} for what is no list: never taken for an empty one */
	async #list(path: string): Promise<readonly unknown[]> {
		const list = readList(await this.#client.read(path));
		if (list === undefined) throw engineError('ENGINE_UNAVAILABLE', new Error('WAHA answered no list'));
		return list;
	}
}
