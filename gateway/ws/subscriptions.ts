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

	/** What cannot be is told by the frame, and changes nothing. @param client one that is admitted */
	async change(client: StreamClient, request: SubscriptionRequest): Promise<StreamFrame | undefined> {
		const {identity} = client;
		if (identity === undefined) {
			return undefined;
		}
		try {
			const subscription = await this.read(identity, request);
			client.subscribe(subscription);
			return StreamFrame.about('subscribed', subscription);
		} catch (error) {
			if (!(error instanceof DomainError)) throw error;
			return StreamFrame.about('error', {code: error.code, message: error.message});
		}
	}
}
