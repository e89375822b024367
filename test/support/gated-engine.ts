import type {Account} from '../../domain/connections/connection.ts';
import type {OpenFile, OutboundContent, OutboundMessage, SendResult} from '../../domain/messaging/outbound.ts';
import type {
	CapabilityTable,
	EngineHistory,
	EngineLink,
	EngineMedia,
	EngineMessages,
	EnginePresence,
	EngineSessions,
	WhatsAppEngine,
} from '../../domain/ports/whatsapp-engine.ts';

/** A call that waits at the gate. */
export interface GatedCall {
	/** The text of a message or what kind it is, the id of one that is forwarded, or the session that is to be there. */
	readonly subject: string;
	/** What is to be sent. */
	readonly message: OutboundMessage<OpenFile> | undefined;
	/** Aborted when its deadline has passed; undefined for a call without one. */
	readonly deadline: AbortSignal | undefined;
	/** Lets it through to the engine. */
	pass(): void;
	/** Answers in the engine's place. */
	answer(result: SendResult): void;
	/** Ends it, as if the engine had failed like this. */
	fail(error: Error): void;
}

/** Behind the gate: however long a test held it, what passes is carried out. */
const IN_TIME = new AbortController().signal;

/** What is done in a chat beside sending. */
export type ChatAction = 'edit' | 'revoke' | 'react' | 'read' | 'typing' | 'stop typing';

/** A trouble for the next such action: it fails like this, or is never answered. */
export type Trouble = Error | 'hang';

/**
 * A real engine whose sends, and session creations if wanted, wait until the test lets each of them go. What else is done in chats
 * is only noted: it may concern messages that no engine knows.
 */
export class GatedEngine implements WhatsAppEngine {
	/** Every call in the order in which they came, gone ones included. */
	readonly calls: GatedCall[] = [];
	/** What was done in chats, in order: `<action> <chat or message> [<detail>]`, and `send <subject>` when a send came to the gate. */
	readonly actions: string[] = [];
	/** What this engine can do otherwise than the one behind it. */
	capabilityChanges: Partial<CapabilityTable> = {};
	gatesSessions = false;
	readonly sessions: EngineSessions;
	readonly link: EngineLink;
	readonly messages: EngineMessages;
	readonly presence: EnginePresence;
	readonly history: EngineHistory;
	readonly media: EngineMedia;
	readonly #engine: WhatsAppEngine;
	readonly #troubles = new Map<ChatAction, Trouble[]>();

	constructor(engine: WhatsAppEngine) {
		this.#engine = engine;
		this.link = engine.link;
		this.history = engine.history;
		this.media = engine.media;
		this.sessions = this.#gatedSessions(engine.sessions);
		this.messages = this.#gatedMessages(engine.messages);
		this.presence = {
			markRead: (_session, chatId, signal) => this.#act('read', chatId, signal),
			typing: (_session, chatId, active, signal) => this.#act(active ? 'typing' : 'stop typing', chatId, signal),
		};
	}

	/** What came to the gate so far. */
	get subjects(): readonly string[] {
		return this.calls.map(({subject}) => subject);
	}

	/** The next such action meets this. */
	troubleNext(action: ChatAction, trouble: Trouble): void {
		this.#troubles.set(action, [...(this.#troubles.get(action) ?? []), trouble]);
	}

	me(session: string): Promise<Account | null> {
		return this.#engine.me(session);
	}

	capabilities(): CapabilityTable {
		return {...this.#engine.capabilities(), ...this.capabilityChanges};
	}

	ping(signal: AbortSignal): Promise<void> {
		return this.#engine.ping(signal);
	}

	#gatedSessions(sessions: EngineSessions): EngineSessions {
		return {
			ensure: async (session, config) => {
				if (this.gatesSessions) await this.#wait(session);
				return sessions.ensure(session, config);
			},
			start: (session) => sessions.start(session),
			stop: (session) => sessions.stop(session),
			restart: (session) => sessions.restart(session),
			logout: (session) => sessions.logout(session),
			remove: (session) => sessions.remove(session),
			find: (session) => sessions.find(session),
			list: () => sessions.list(),
		};
	}

	#gatedMessages(messages: EngineMessages): EngineMessages {
		return {
			send: async (session, message, clientMessageId, signal) => {
				const subject = subjectOf(message.content);
				this.actions.push(`send ${subject}`);
				const answer = await this.#wait(subject, {message, deadline: signal});
				return answer ?? messages.send(session, message, clientMessageId, IN_TIME);
			},
			forward: async (session, forward, clientMessageId, signal) => {
				this.actions.push(`send ${forward.messageId}`);
				const answer = await this.#wait(forward.messageId, {deadline: signal});
				return answer ?? messages.forward(session, forward, clientMessageId, IN_TIME);
			},
			edit: async (_session, {messageId}, text, signal) => {
				await this.#act('edit', `${messageId} ${text}`, signal);
				return {id: messageId, timestamp: 1_700_000_000};
			},
			revoke: (_session, {messageId}, signal) => this.#act('revoke', messageId, signal),
			react: (_session, {messageId}, reaction, signal) => this.#act('react', `${messageId} ${reaction}`, signal),
		};
	}

	#wait(
		subject: string,
		{message, deadline}: Partial<Pick<GatedCall, 'message' | 'deadline'>> = {},
	): Promise<SendResult | undefined> {
		const {promise, resolve, reject} = Promise.withResolvers<SendResult | undefined>();
		this.calls.push({
			subject,
			message,
			deadline,
			pass: () => {
				resolve(undefined);
			},
			answer: resolve,
			fail: reject,
		});
		return promise;
	}

	async #act(action: ChatAction, subject: string, signal: AbortSignal): Promise<void> {
		// Like a real engine, never in the same turn.
		await Promise.resolve();
		this.actions.push(`${action} ${subject}`);
		const trouble = this.#troubles.get(action)?.shift();
		if (trouble === 'hang') {
			const {promise, reject} = Promise.withResolvers<never>();
			signal.addEventListener('abort', () => {
				reject(signal.reason as Error);
			});
			await promise;
		} else if (trouble !== undefined) {
			throw trouble;
		}
	}
}

function subjectOf(content: OutboundContent<OpenFile>): string {
	return content.kind === 'text' ? content.text : content.kind;
}
