import type {QueueDeclaration} from '../broker/topology.ts';

/** Own headers only: strings and integers, small. */
export type MessageHeaders = Readonly<Record<string, string | number>>;

/** A message on its way to an exchange. */
export interface OutgoingMessage {
	/** The dedup handle: a repeat of the same message carries the same id. */
	readonly id: string;
	readonly exchange: string;
	readonly routingKey: string;
	readonly headers: MessageHeaders;
	readonly body: Buffer;
}

/** A message as a consumer gets it. */
export interface Message extends OutgoingMessage {
	/** True when this message may have been handled before. */
	readonly redelivered: boolean;
	/** Set when the sender waits for a `reply`; opaque. */
	readonly replyTo?: string;
	/** Set when the message was dead-lettered: from where, and why (`delivery_limit`, `rejected`). */
	readonly death?: {readonly queue: string; readonly reason: string};
}

/** What becomes of a message: `ack` forgets it, `requeue` returns it (counted against the queue's delivery limit). */
export type Settlement = 'ack' | 'requeue';

export interface ConsumeOptions {
	/** How many messages may be in hand at once. */
	readonly prefetch: number;
	/** Called each time the subscription is (re)established after it was lost: what a broadcast queue would have said in between is gone. */
	readonly onRestored?: () => void;
}

export interface Consumer {
	/** Takes no further messages; what is in hand stays in hand and can still be settled. */
	pause(): Promise<void>;
	/** Takes messages again after `pause`. */
	resume(): Promise<void>;
	/**
	 * Takes no further messages and resolves once everything in hand is settled. A queue with a single active consumer has no other one
	 * until then, and gets what is returned back at once and in its order.
	 */
	close(): Promise<void>;
}

/** Durable, at-least-once messaging over a declared topology. */
export interface Broker extends AsyncDisposable {
	/**
	 * Resolves once the broker has taken responsibility, never before. Holds back while too many messages are unconfirmed.
	 * @throws {BrokerUnavailableError} not confirmed, not routable, or away; the message may still have arrived.
	 */
	publish(message: OutgoingMessage): Promise<void>;
	/**
	 * Calls `handle` for up to `prefetch` messages at once; the promise may stay pending until its batch is durable.
	 * A handler that throws returns its message. Survives every loss of the broker until it is closed.
	 */
	consume(
		queue: QueueDeclaration,
		options: ConsumeOptions,
		handle: (message: Message) => Promise<Settlement>,
	): Promise<Consumer>;
	/**
	 * Publishes and waits for the answer. Resolves to undefined when none came within `timeoutMs`: the message is queued
	 * and will still be handled.
	 * @throws {BrokerUnavailableError} as `publish`.
	 */
	request(message: OutgoingMessage, timeoutMs: number): Promise<Buffer | undefined>;
	/** Answers a request; lost silently when the asker is gone, so store the outcome first. */
	reply(request: Message, body: Buffer): Promise<void>;
}
