import {randomUUID} from 'node:crypto';
import type {Clock} from '../../domain/ports/clock.ts';
import {allowsConnection} from '../../domain/tokens/grants.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import type {ClientOrigin} from './client-origin.ts';
import {CLOSE, type CloseReason} from './close-reason.ts';
import {Expiry} from './expiry.ts';
import {MessageBudget} from './message-budget.ts';
import type {EventSubject, RoomMember} from './room-member.ts';
import type {StreamFrame} from './stream-frame.ts';
import type {StreamTransport} from './stream-transport.ts';
import {EVERYTHING_OWNED, requestIn, wants, type Subscription, type SubscriptionRequest} from './subscription.ts';

/** After it was told to go a client may take this long. */
const CLOSE_GRACE_MS = 5000;

/** A replay waits this long for a client to take what is buffered. */
const DRAIN_TIMEOUT_MS = 10_000;

export interface StreamClientOptions {
	readonly transport: StreamTransport;
	readonly origin: ClientOrigin;
	readonly clock: Clock;
	/** A client that has more than this outstanding is too slow for live frames. */
	readonly maxBufferedBytes: number;
	/** Called when it is cut for that. */
	readonly onTooSlow: (client: StreamClient) => void;
	/** Called with what it asks for, one after the other; the frame is the answer. */
	readonly onRequest: (client: StreamClient, request: SubscriptionRequest) => Promise<StreamFrame | undefined>;
}

type Acknowledge = (answer: unknown) => void;

/** A client of the stream, whatever carries its frames: what it may have, what it wants, and how much may wait for it. */
export class StreamClient implements RoomMember {
	readonly id = randomUUID();
	readonly origin: ClientOrigin;
	readonly connectedAt: Date;
	readonly #options: StreamClientOptions;
	readonly #transport: StreamTransport;
	readonly #clock: Clock;
	readonly #budget: MessageBudget;
	#identity: Identity | undefined;
	#subscription = EVERYTHING_OWNED;
	#grace: Disposable | undefined;
	#expiry: Disposable | undefined;
	#isGone = false;
	/** Settles with the last of its requests. */
	#requests: Promise<void> = Promise.resolve();
	#draining: Promise<void> | undefined;

	constructor(options: StreamClientOptions) {
		this.#options = options;
		this.#transport = options.transport;
		this.#clock = options.clock;
		this.#budget = new MessageBudget({clock: options.clock});
		this.origin = options.origin;
		this.connectedAt = new Date(options.clock.now());
		this.#listen();
	}

	get kind(): StreamTransport['kind'] {
		return this.#transport.kind;
	}

	/** Whose it is; undefined until it is admitted. */
	get identity(): Identity | undefined {
		return this.#identity;
	}

	get subscription(): Subscription {
		return this.#subscription;
	}

	/** Resolves once it is closed for good. */
	get closed(): Promise<void> {
		return this.#transport.closed;
	}

	get isOpen(): boolean {
		return this.#transport.isOpen;
	}

	get bufferedBytes(): number {
		return this.#transport.bufferedBytes;
	}

	get isFull(): boolean {
		return this.isOpen && this.#transport.isFull;
	}

	/** From now on it is this caller's, for as long as his credentials are valid. */
	admit(identity: Identity): void {
		this.#identity = identity;
		if (identity.expiresAt !== null && !this.#isGone) {
			const callback = (): void => {
				this.close(CLOSE.invalidToken);
			};
			this.#expiry = new Expiry({clock: this.#clock, at: identity.expiresAt, callback});
		}
	}

	/** It asks for this. Resolves when it has the answer; whatever it asked for before comes first, so that the last counts. */
	ask(request: SubscriptionRequest, acknowledge?: Acknowledge): Promise<void> {
		this.#requests = this.#requests.then(() => this.#answer(request, acknowledge));
		return this.#requests;
	}

	/** From now on it gets this, as far as it may. */
	subscribe(subscription: Subscription): void {
		this.#subscription = subscription;
	}

	concerns(subject: EventSubject): boolean {
		return this.mayKnow(subject.connectionId) && wants(this.#subscription, subject);
	}

	mayKnow(connectionId: string | null): boolean {
		return this.#identity !== undefined && allowsConnection(this.#identity.grants, connectionId);
	}

	send(frame: StreamFrame): void {
		if (!this.isOpen) {
			return;
		}
		if (this.bufferedBytes > this.#options.maxBufferedBytes) {
			this.#cut();
			return;
		}
		this.#transport.write(frame);
	}

	drained(): Promise<void> {
		if (!this.isFull) {
			return Promise.resolve();
		}
		this.#draining ??= this.#drain().finally(() => {
			this.#draining = undefined;
		});
		return this.#draining;
	}

	/** Tells it why, and that it has to go. */
	close(reason: CloseReason): void {
		if (this.isOpen) {
			this.#transport.close(reason);
			this.endSoon();
		}
	}

	/** It was told to go: if it does not in 5 s, it is cut. */
	endSoon(): void {
		if (this.#isGone) {
			return;
		}
		this.#grace ??= this.#clock.after(CLOSE_GRACE_MS, () => {
			this.terminate();
		});
	}

	/** Cuts the connection without a word. */
	terminate(): void {
		this.#transport.terminate();
	}

	#listen(): void {
		this.#transport.listen({
			onActivity: () => {
				if (!this.#budget.spend()) this.close(CLOSE.tooManyMessages);
			},
			onMessage: (message, acknowledge) => {
				const request = requestIn(message);
				if (request !== undefined) void this.ask(request, acknowledge);
			},
			onFault: () => {
				this.endSoon();
			},
		});
		void this.closed.then(() => {
			this.#isGone = true;
			this.#grace?.[Symbol.dispose]();
			this.#expiry?.[Symbol.dispose]();
		});
	}

	async #answer(request: SubscriptionRequest, acknowledge: Acknowledge | undefined): Promise<void> {
		const frame = await this.#options.onRequest(this, request);
		if (frame === undefined) {
			return;
		}
		if (acknowledge === undefined) this.send(frame);
		else acknowledge(JSON.parse(frame.body.toString()));
	}

	async #drain(): Promise<void> {
		const {promise: patience, resolve} = Promise.withResolvers<undefined>();
		using _timer = this.#clock.after(DRAIN_TIMEOUT_MS, () => {
			this.#cut();
			resolve(undefined);
		});
		await Promise.race([this.#transport.drained(), patience]);
	}

	#cut(): void {
		if (this.isOpen) {
			this.#options.onTooSlow(this);
			this.close(CLOSE.tooSlow);
		}
	}
}
