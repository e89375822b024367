import type {ControlBus} from '../../domain/broker/control-bus.ts';
import {ForbiddenError} from '../../domain/errors.ts';
import type {RollCall} from '../../domain/ports/roll-call.ts';
import {requireOwn} from '../../domain/require-own.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
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

/** What processes ask each other. */
type Question = {readonly userId: string} | {readonly id: string};

/** Who is connected to the live stream, over all processes. */
export class StreamSessions {
	readonly #stream: EventStream;
	readonly #rollCall: RollCall;
	readonly #control: Pick<ControlBus, 'announce'>;

	constructor(options: {stream: EventStream; rollCall: RollCall; control: Pick<ControlBus, 'announce'>}) {
		this.#stream = options.stream;
		this.#rollCall = options.rollCall;
		this.#control = options.control;
	}

	/** From now on this process's clients are listed by all processes. @throws {FanoutUnavailableError} */
	attend(): Promise<AsyncDisposable> {
		return this.#rollCall.attend((question) => JSON.stringify(this.#answer(JSON.parse(question) as Question)));
	}

	/** The caller's, oldest first; for a token that is for certain connections, those that came by it. @throws {FanoutUnavailableError} */
	async list(identity: Identity): Promise<readonly StreamSession[]> {
		const all = await this.#ask({userId: identity.user.id});
		return all
			.filter((session) => mayTouch(identity, session))
			.sort((a, b) => a.connectedAt.localeCompare(b.connectedAt) || a.id.localeCompare(b.id));
	}

	/**
	 * Closes one (4010), in whatever process it is; its client may come back.
	 * @throws {NotFoundError} @throws {ForbiddenError} @throws {FanoutUnavailableError}
	 */
	async end(identity: Identity, id: string): Promise<void> {
		const [found] = await this.#ask({id});
		const {userId} = requireOwn(found, identity.user.id, 'session');
		if (found !== undefined && !mayTouch(identity, found)) {
			throw new ForbiddenError('This token is for certain connections only: it ends no sessions but its own');
		}
		await this.#control.announce({kind: 'client-ended', userId, clientId: id});
	}

	async #ask(question: Question): Promise<StreamSession[]> {
		const answers = await this.#rollCall.ask(JSON.stringify(question));
		return answers.flatMap((answer) => JSON.parse(answer) as StreamSession[]);
	}

	#answer(question: Question): readonly StreamSession[] {
		if ('userId' in question) {
			return this.#stream.clientsOf(question.userId).flatMap((client) => this.#toSession(client));
		}
		const client = this.#stream.find(question.id);
		return client === undefined ? [] : this.#toSession(client);
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
