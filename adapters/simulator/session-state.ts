import type {Account} from '../../domain/connections/connection.ts';
import {SetupError} from '../../domain/errors.ts';
import type {SimulatedType} from '../../domain/ports/simulator-control.ts';
import type {Ack} from './ack.ts';
import type {SimulatedFile} from './files/simulated-file.ts';

/** The linked account, as the session's credentials name it. */
export interface SimulatedAccount extends Account {
	readonly pushName: string;
	/** `<digits>@lid`: the same account's other id. */
	readonly lid: string;
}

/** A message that this session sent. */
export interface SentMessage {
	/** The full id. */
	readonly id: string;
	readonly chatId: string;
	/** Unix seconds. */
	readonly timestamp: number;
	/** The last acknowledgement by itself: the recipient's behaviour. */
	readonly reaches: Ack;
	ack: Ack;
}

/** Something that the other side of WhatsApp did, with its moment in milliseconds since the epoch. */
export type Incident =
	| {
			readonly kind: 'message';
			readonly key: string;
			/** Who writes. */
			readonly from: string;
			/** Where, when it is not their direct chat. */
			readonly group?: string;
			readonly type: SimulatedType;
			/** Or a file's caption. */
			readonly text: string;
			readonly file?: SimulatedFile;
			readonly atMs: number;
	  }
	| {
			readonly kind: 'reaction';
			readonly key: string;
			readonly from: string;
			readonly messageId: string;
			readonly text: string;
			readonly atMs: number;
	  }
	| {readonly kind: 'ack'; readonly messageId: string; readonly ack: Ack};

/** What a session keeps over restarts of the process. Changed in place, then written whole. */
export interface SessionState {
	readonly schema: 1;
	/** Whether it comes back when the process starts. */
	running: boolean;
	/** How often it came up in a process: keeps the ids that are drawn from the seed apart. */
	generation: number;
	/** The credentials; null until linked. */
	account: SimulatedAccount | null;
	/** The linked device has no network. */
	offline: boolean;
	/** Until when WhatsApp refuses new chats; 0 = not restricted. */
	restrictedUntilMs: number;
	/** Chats with a history, newest last. */
	chats: string[];
	/** Oldest first. */
	sent: SentMessage[];
	/** What happened while the session could not be told, oldest first. */
	waiting: Incident[];
}

/** A session that was never linked and does not run. */
export function newSessionState(): SessionState {
	return {schema: 1, running: false, generation: 1, ...unlinkedState()};
}

/** Everything that ends with the credentials. */
export function unlinkedState(): Omit<SessionState, 'schema' | 'running' | 'generation'> {
	return {account: null, offline: false, restrictedUntilMs: 0, chats: [], sent: [], waiting: []};
}

/** @throws {SetupError} another version wrote it */
export function readSessionState(session: string, document: string): SessionState {
	const state = JSON.parse(document) as {schema?: unknown};
	if (state.schema !== 1) {
		throw new SetupError(`the simulator's session ${session} was stored by another version: update, or delete it`);
	}
	return state as SessionState;
}
