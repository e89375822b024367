import type {EnginePresence} from '../../domain/ports/whatsapp-engine.ts';
import type {WahaClient} from './waha-client.ts';

/** What others see of a session on one WAHA. */
export class WahaPresence implements EnginePresence {
	readonly #client: WahaClient;

	constructor({client}: {client: WahaClient}) {
		this.#client = client;
	}

	/** Without ids, WAHA reads what came in the last 7 days: 30 messages of a direct chat, 100 of a group. */
	async markRead(session: string, chatId: string, signal: AbortSignal): Promise<void> {
		await this.#client.change('POST', 'api/sendSeen', {session, chatId}, {signal});
	}

	/** Lasts until it is switched off, or a message is sent. */
	async typing(session: string, chatId: string, active: boolean, signal: AbortSignal): Promise<void> {
		await this.#client.change('POST', active ? 'api/startTyping' : 'api/stopTyping', {session, chatId}, {signal});
	}
}
