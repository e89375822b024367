import type {DependencyContainer} from 'tsyringe';
import {WahaIngress} from '../adapters/waha/waha-ingress.ts';
import {createApp, type GatewayDependencies} from '../gateway/http/app.ts';
import {HttpServer} from '../gateway/http/server.ts';
import type {ContainerOptions} from './container-options.ts';
import {registerStream} from './register-stream.ts';
import {TOKENS} from './tokens.ts';

/** The role gateway, listening. */
export interface Gateway {
	readonly http: HttpServer;
	readonly dependencies: GatewayDependencies;
}

/** Starts the whole API and the live stream; they end with the resources of `options`. */
export async function startGateway(container: DependencyContainer, options: ContainerOptions): Promise<Gateway> {
	const {config, resources} = options;
	registerStream(container, options);
	const dependencies = gatewayDependencies(container);
	const {host, port, publicUrl} = config;
	const http = resources.use(await HttpServer.listen({listener: createApp(dependencies), host, port, publicUrl}));
	// Closed before the server, which waits for its requests: nobody is left waiting for an event, nor is a stream cut without a word.
	resources.use(dependencies.events);
	const endpoint = resources.use(container.resolve(TOKENS.streamEndpoint));
	endpoint.attach(http.server);
	resources.use(await dependencies.streamSessions.attend());
	return {http, dependencies};
}

function gatewayDependencies(container: DependencyContainer): GatewayDependencies {
	const config = container.resolve(TOKENS.config);
	const clock = container.resolve(TOKENS.clock);
	return {
		settings: {
			publicUrl: config.publicUrl,
			rateLimits: config.rateLimits,
			trustProxy: config.trustProxy,
			ingestionSecret: container.resolve(TOKENS.ingestionSecret),
			version: container.resolve(TOKENS.version),
		},
		authenticator: container.resolve(TOKENS.authenticator),
		tokens: container.resolve(TOKENS.tokens),
		users: container.resolve(TOKENS.users),
		infrastructure: container.resolve(TOKENS.infrastructureOverview),
		connections: container.resolve(TOKENS.connections),
		linking: container.resolve(TOKENS.linking),
		webhooks: container.resolve(TOKENS.webhooks),
		deliveries: container.resolve(TOKENS.deliveries),
		jobs: container.resolve(TOKENS.jobs),
		events: container.resolve(TOKENS.eventLog),
		tickets: container.resolve(TOKENS.tickets),
		eventSource: container.resolve(TOKENS.eventSource),
		streamRequests: container.resolve(TOKENS.streamEndpoint).requests,
		streamSessions: container.resolve(TOKENS.streamSessions),
		subscriptions: container.resolve(TOKENS.subscriptions),
		messaging: container.resolve(TOKENS.messaging),
		conversations: container.resolve(TOKENS.conversations),
		media: container.resolve(TOKENS.media),
		billing: container.resolve(TOKENS.billing),
		billingOverviews: container.resolve(TOKENS.billingOverviews),
		billingInbox: container.resolve(TOKENS.billingInbox),
		billingEventReader: container.resolve(TOKENS.billingEventReader),
		grantedSlots: container.resolve(TOKENS.grantedSlots),
		usage: container.resolve(TOKENS.usageReport),
		mediaStore: container.resolve(TOKENS.mediaStore),
		refusal: (url) => container.resolve(TOKENS.webhookSender).refusal(url),
		simulator: config.workers.length === 0 ? container.resolve(TOKENS.simulator) : undefined,
		ingestion: container.resolve(TOKENS.ingestion),
		ingress: new WahaIngress({clock}),
		workers: container.resolve(TOKENS.engines),
		healthChecks: container.resolve(TOKENS.healthChecks),
		rateLimitStore: container.resolve(TOKENS.rateLimitStore),
		clock,
		log: container.resolve(TOKENS.log),
	};
}
