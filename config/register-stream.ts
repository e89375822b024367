import {instanceCachingFactory as once, type DependencyContainer} from 'tsyringe';
import {AddressBudget} from '../gateway/http/address-budget.ts';
import {FAILURES} from '../gateway/http/rate-limit.ts';
import {EventSource} from '../gateway/ws/event-source.ts';
import {EventStream} from '../gateway/ws/event-stream.ts';
import {StreamEndpoint} from '../gateway/ws/stream-endpoint.ts';
import {StreamSessions} from '../gateway/ws/stream-sessions.ts';
import {Subscriptions} from '../gateway/ws/subscriptions.ts';
import type {ContainerOptions} from './container-options.ts';
import {TOKENS} from './tokens.ts';

/** The live stream, in processes with the role gateway. */
export function registerStream(
	container: DependencyContainer,
	{config, clock, log, infrastructure}: ContainerOptions,
): void {
	const {stores, fanout, rollCall, rateLimitStore} = infrastructure;
	container.register(TOKENS.subscriptions, {
		useFactory: once(() => new Subscriptions({connections: stores.connectionStore})),
	});
	container.register(TOKENS.stream, {
		useFactory: once(
			(c) =>
				new EventStream({
					authenticator: c.resolve(TOKENS.authenticator),
					tickets: c.resolve(TOKENS.tickets),
					fanout,
					events: stores.eventStore,
					deleted: c.resolve(TOKENS.deletedConnections),
					subscriptions: c.resolve(TOKENS.subscriptions),
					control: c.resolve(TOKENS.control),
					clock,
					log,
					settings: config.stream,
				}),
		),
	});
	container.register(TOKENS.eventSource, {
		useFactory: once(
			(c) => new EventSource({stream: c.resolve(TOKENS.stream), authenticator: c.resolve(TOKENS.authenticator), clock}),
		),
	});
	container.register(TOKENS.streamEndpoint, {
		useFactory: once((c) => {
			const {publicUrl, trustProxy, rateLimits} = config;
			const budgetOf = (name: string): AddressBudget =>
				new AddressBudget({name, perMinute: rateLimits.unauthenticated, store: rateLimitStore, log});
			const budgets = {failures: budgetOf(FAILURES), handshakes: budgetOf('handshakes')};
			return new StreamEndpoint({stream: c.resolve(TOKENS.stream), clock, publicUrl, trustProxy, ...budgets});
		}),
	});
	container.register(TOKENS.streamSessions, {
		useFactory: once((c) => new StreamSessions({stream: c.resolve(TOKENS.stream), rollCall})),
	});
}
