import {FanoutUnavailableError, ForbiddenError} from '../../domain/errors.ts';
import type {RollCall} from '../../domain/ports/roll-call.ts';
import {requireOwn} from '../../domain/require-own.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import {CLOSE} from './close-reason.ts';
import type {EventStream} from './event-stream.ts';
import type {StreamClient} from './stream-client.ts';
import type {TransportKind} from './stream-transport.ts';

/** A client that is connected to the live stream, in whatever process, as its user sees it. */
export interface StreamSession {
	readonly id: string;
	readonly userId: string;
	/** Null for somebody who signed in. */
	readonly tokenId: string | null;
	readonly transport: TransportKind;
	readonly connectedAt: string;
	readonly address: string | null;
	readonly userAgent: string | null;
	/** What it subscribed to; null = everything. */
	readonly events: readonly string[] | null;
	readonly connectionIds: readonly string[] | null;
	/** False while it is being brought up to date from the log. */
	readonly isLive: boolean;
	/** What it has not taken yet. */
	readonly bufferedBytes: number;
}

/** What processes ask each other: who is a user's, who is it, and to close it. Each answers with those of its own. */
type Question = {readonly userId: string} | {readonly id: string} | {readonly end: string};

/** Who is connected to the live stream, over all processes. */
export class StreamSessions {
	readonly #stream: EventStream;
	readonly #rollCall: RollCall;

	constructor(options: {stream: EventStream; rollCall: RollCall}) {
		this.#stream = options.stream;
		this.#rollCall = options.rollCall;
	}

	/** From now on this process's clients are listed by all processes. @throws {FanoutUnavailableError} */
	attend(): Promise<AsyncDisposable> {
		return this.#rollCall.attend((question) => JSON.stringify(this.#answer(JSON.parse(question) as Question)));
	}

	/**
	 * The caller's, oldest first; for a token that is for certain connections, those that came by it.
	 * @throws {FanoutUnavailableError} also when a process does not answer
	 */
	async list(identity: Identity): Promise<readonly StreamSession[]> {
		const {sessions, isComplete} = await this.#ask({userId: identity.user.id});
		if (!isComplete) throw silence();
		return sessions
			.filter((session) => mayTouch(identity, session))
			.sort((a, b) => a.connectedAt.localeCompare(b.connectedAt) || a.id.localeCompare(b.id));
	}

	/**
	 * Closes one (4010), in whatever process it is; its client may come back.
	 * @throws {NotFoundError} @throws {ForbiddenError} @throws {FanoutUnavailableError} also when its process does not answer
	 */
	async end(identity: Identity, id: string): Promise<void> {
		const {sessions, isComplete} = await this.#ask({id});
		const [found] = sessions;
		if (found === undefined && !isComplete) throw silence();
		requireOwn(found, identity.user.id, 'session');
		if (found !== undefined && !mayTouch(identity, found)) {
			throw new ForbiddenError('This token is for certain connections only: it ends no sessions but its own');
		}
		const ended = await this.#ask({end: id});
		// It may have gone by itself meanwhile, if everybody says so.
		if (ended.sessions.length === 0 && !ended.isComplete) throw silence();
	}

	async #ask(question: Question): Promise<{readonly sessions: readonly StreamSession[]; readonly isComplete: boolean}> {
		const {answers, missing} = await this.#rollCall.ask(JSON.stringify(question));
		const sessions = answers.flatMap((answer) => JSON.parse(answer) as StreamSession[]);
		return {sessions, isComplete: missing === 0};
	}

	#answer(question: Question): readonly StreamSession[] {
		if ('userId' in question) {
			return this.#stream.clientsOf(question.userId).flatMap((client) => this.#toSession(client));
		}
		const client = this.#stream.find('end' in question ? question.end : question.id);
		if (client === undefined) {
			return [];
		}
		const session = this.#toSession(client);
		if ('end' in question) client.close(CLOSE.ended);
		return session;
	}

	#toSession(client: StreamClient): readonly StreamSession[] {
		const {id, identity, kind, origin, connectedAt, subscription, bufferedBytes} = client;
		if (identity === undefined) {
			return [];
		}
		return [
			{
				id,
				userId: identity.user.id,
				tokenId: identity.tokenId,
				transport: kind,
				connectedAt: connectedAt.toISOString(),
				address: origin.address,
				userAgent: origin.agent,
				events: subscription.events,
				connectionIds: subscription.connectionIds,
				isLive: this.#stream.isLive(client),
				bufferedBytes,
			},
		];
	}
}

/** A token for certain connections has a say in what came by itself only. */
function mayTouch({grants, tokenId}: Identity, session: StreamSession): boolean {
	return grants.connectionIds === null || session.tokenId === tokenId;
}

function silence(): FanoutUnavailableError {
	return new FanoutUnavailableError('a gateway did not answer');
}
