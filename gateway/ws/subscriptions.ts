import {DomainError} from '../../domain/errors.ts';
import type {ConnectionStore} from '../../domain/ports/connection-store.ts';
import type {Identity} from '../../domain/tokens/identity.ts';
import type {StreamClient} from './stream-client.ts';
import {StreamFrame} from './stream-frame.ts';
import {checkSubscription, parseSubscription, type Subscription, type SubscriptionRequest} from './subscription.ts';

/** Takes what clients want to get, when they come and later. */
export class Subscriptions {
	readonly #connections: Pick<ConnectionStore, 'list'>;

	constructor({connections}: {connections: Pick<ConnectionStore, 'list'>}) {
		this.#connections = connections;
	}

	/** @throws {ValidationError} @throws {ForbiddenError} @throws {NotFoundError} @throws {StoreUnavailableError} */
	async read(identity: Identity, request: SubscriptionRequest): Promise<Subscription> {
		const subscription = parseSubscription(request);
		await checkSubscription(subscription, identity, this.#connections);
		return subscription;
	}

	/** What cannot be is told by the frame, and changes nothing. Never rejects. */
	async change(client: StreamClient, identity: Identity, request: SubscriptionRequest): Promise<StreamFrame> {
		try {
			const subscription = await this.read(identity, request);
			client.subscribe(subscription);
			return StreamFrame.about('subscribed', subscription);
		} catch (error) {
			if (!(error instanceof DomainError)) throw error;
			return StreamFrame.about('error', {code: error.code, message: error.message});
		}
	}

	/** Answers `{"type": "subscribe", …}`. Whatever else clients say is ignored: those of the contract may say anything. */
	async answer(client: StreamClient, message: unknown): Promise<StreamFrame | undefined> {
		const {identity} = client;
		if (identity === undefined || typeof message !== 'object' || message === null) {
			return undefined;
		}
		const {type, ...request} = message as SubscriptionRequest & {readonly type?: unknown};
		return type === 'subscribe' ? this.change(client, identity, request) : undefined;
	}
}
