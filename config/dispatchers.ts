import type {DependencyContainer} from 'tsyringe';
import {CommandHandler} from '../dispatchers/command/command-handler.ts';
import {MessageSender} from '../dispatchers/command/message-sender.ts';
import {SessionKeeper} from '../dispatchers/command/session-keeper.ts';
import {Dispatcher, type DispatcherContext, type DispatcherOptions} from '../dispatchers/dispatcher.ts';
import {DeadLetterHandler} from '../dispatchers/log/dead-letter-handler.ts';
import {EventHandler} from '../dispatchers/log/event-handler.ts';
import {OutcomeHandler} from '../dispatchers/log/outcome-handler.ts';
import {SessionStatusHandler} from '../dispatchers/session/session-status-handler.ts';
import {UnresolvedHandler} from '../dispatchers/session/unresolved-handler.ts';
import {AttemptMaker} from '../dispatchers/webhook/attempt-maker.ts';
import {WebhookHandler} from '../dispatchers/webhook/webhook-handler.ts';
import {WebsocketHandler} from '../dispatchers/websocket/websocket-handler.ts';
import type {Role} from './env.ts';
import {TOKENS} from './tokens.ts';

/** Messages in hand at once, per queue: about twice what its handler has under way. */
const PREFETCH = {
	webhook: 500,
	websocket: 200,
	log: 250,
	outcomes: 50,
	dead: 20,
	session: 50,
	unresolved: 20,
	command: 50,
};

/** The dispatchers of a role; `gateway` has none, and the supervisor's loop is not a dispatcher. */
export function createDispatchers(role: Role, container: DependencyContainer): readonly Dispatcher[] {
	const context: DispatcherContext = {
		broker: container.resolve(TOKENS.broker),
		publisher: container.resolve(TOKENS.publisher),
		clock: container.resolve(TOKENS.clock),
		log: container.resolve(TOKENS.log),
		healthChecks: container.resolve(TOKENS.healthChecks),
	};
	return OPTIONS_BY_ROLE[role](container).map((options) => new Dispatcher(context, options));
}

const OPTIONS_BY_ROLE = {
	gateway: () => [],
	webhook: webhookOptions,
	websocket: websocketOptions,
	log: logOptions,
	command: commandOptions,
	supervisor: sessionOptions,
} as const satisfies Record<Role, (container: DependencyContainer) => readonly DispatcherOptions[]>;

function webhookOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const clock = container.resolve(TOKENS.clock);
	const publisher = container.resolve(TOKENS.publisher);
	const handler = new WebhookHandler({
		directory: container.resolve(TOKENS.webhookDirectory),
		attempts: new AttemptMaker({
			sender: container.resolve(TOKENS.webhookSender),
			store: container.resolve(TOKENS.stores).webhookStore,
			publisher,
			control: container.resolve(TOKENS.control),
			clock,
			log: container.resolve(TOKENS.log),
			timeoutMs: container.resolve(TOKENS.config).webhookTimeoutMs,
		}),
		publisher,
		clock,
	});
	const {webhook} = container.resolve(TOKENS.topology).queues;
	return [{queue: webhook, prefetch: PREFETCH.webhook, handle: (message) => handler.handle(message)}];
}

function websocketOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const handler = new WebsocketHandler({fanout: container.resolve(TOKENS.fanout)});
	const {websocket} = container.resolve(TOKENS.topology).queues;
	return [{queue: websocket, prefetch: PREFETCH.websocket, handle: (message) => handler.handle(message)}];
}

/** One writer for all partitions of this process: their events share the same batches. */
function logOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const {eventStore, deliveryStore, deadLetterStore} = container.resolve(TOKENS.stores);
	const clock = container.resolve(TOKENS.clock);
	const events = new EventHandler({events: eventStore, clock});
	const outcomes = new OutcomeHandler({deliveries: deliveryStore, clock});
	const deadLetters = new DeadLetterHandler({store: deadLetterStore, clock});
	const {queues} = container.resolve(TOKENS.topology);
	return [
		...queues.logs.map((queue): DispatcherOptions => ({
			queue,
			prefetch: PREFETCH.log,
			handle: (message) => events.handle(message),
		})),
		{queue: queues.outcomes, prefetch: PREFETCH.outcomes, handle: (message) => outcomes.handle(message)},
		{queue: queues.dead, prefetch: PREFETCH.dead, handle: (message) => deadLetters.handle(message)},
	];
}

function commandOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const {commandStore, connectionStore, workerStore} = container.resolve(TOKENS.stores);
	const engines = container.resolve(TOKENS.engines);
	const clock = container.resolve(TOKENS.clock);
	const log = container.resolve(TOKENS.log);
	const handler = new CommandHandler({
		sender: new MessageSender({commands: commandStore, connections: connectionStore, engines, clock, log}),
		keeper: new SessionKeeper({
			connections: connectionStore,
			places: workerStore,
			engines,
			clock,
			log,
			callbackUrl: container.resolve(TOKENS.config).callbackUrl,
			ingestionSecret: container.resolve(TOKENS.ingestionSecret),
		}),
		publisher: container.resolve(TOKENS.publisher),
	});
	const {commands} = container.resolve(TOKENS.topology).queues;
	return commands.map((queue) => ({queue, prefetch: PREFETCH.command, handle: (message) => handler.handle(message)}));
}

function sessionOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const clock = container.resolve(TOKENS.clock);
	const status = new SessionStatusHandler({
		connections: container.resolve(TOKENS.stores).connectionStore,
		log: container.resolve(TOKENS.log),
	});
	const unresolved = new UnresolvedHandler({
		directory: container.resolve(TOKENS.connectionDirectory),
		ingestion: container.resolve(TOKENS.ingestion),
		clock,
	});
	const {queues} = container.resolve(TOKENS.topology);
	return [
		{queue: queues.session, prefetch: PREFETCH.session, handle: (message) => status.handle(message)},
		{queue: queues.unresolved, prefetch: PREFETCH.unresolved, handle: (message) => unresolved.handle(message)},
	];
}
