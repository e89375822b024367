import type {Readable} from 'node:stream';
import {FanoutUnavailableError, type DomainError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Authenticator} from '../../domain/tokens/authenticator.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import {RateLimitedError} from '../http/http-errors.ts';
import type {ClientOrigin} from './client-origin.ts';
import {CLOSE, type CloseReason} from './close-reason.ts';
import type {EventStream} from './event-stream.ts';
import {SseTransport} from './sse-transport.ts';
import type {Subscription} from './subscription.ts';

/** When a caller with too many open streams should try again. */
const RETRY_MS = 10_000;

/** The live stream as Server-Sent Events, for a caller who is known. */
export class EventSource {
	readonly stream: EventStream;
	readonly #authenticator: Pick<Authenticator, 'recall'>;
	readonly #clock: Clock;

	constructor(options: {stream: EventStream; authenticator: Pick<Authenticator, 'recall'>; clock: Clock}) {
		this.stream = options.stream;
		this.#authenticator = options.authenticator;
		this.#clock = options.clock;
	}

	/**
	 * The body of the answer, which ends with the stream; destroying it ends the client.
	 * @param since what the client has: an event or a place in the log; empty = nothing yet
	 * @throws {UnauthenticatedError} not any more @throws {RateLimitedError} the user has too many clients
	 * @throws {StoreUnavailableError} @throws {FanoutUnavailableError}
	 */
	async open(
		identity: Identity,
		{since, subscription, origin}: {since: string; subscription: Subscription; origin: ClientOrigin},
	): Promise<Readable> {
		const transport = new SseTransport({clock: this.#clock});
		const client = this.stream.open(transport, origin);
		client.subscribe(subscription);
		const handshake = {credentials: undefined, since, subscription: {}};
		try {
			const refusal = this.stream.admit(client, identity);
			if (refusal !== undefined) throw toError(refusal);
			// Once more: the token may have been revoked before there was a client to be closed.
			await this.#authenticator.recall(identity);
			const failure = await this.stream.join(client, handshake);
			if (failure !== undefined) throw toError(failure);
		} catch (error) {
			client.terminate();
			throw error;
		}
		return transport.body;
	}
}

function toError({code, reason}: CloseReason): DomainError {
	return code === CLOSE.tooManySockets.code ? new RateLimitedError(RETRY_MS) : new FanoutUnavailableError(reason);
}
