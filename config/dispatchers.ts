import type {DependencyContainer} from 'tsyringe';
import {Attachments} from '../dispatchers/command/attachments.ts';
import {ChatUpdater} from '../dispatchers/command/chat-updater.ts';
import {CommandHandler} from '../dispatchers/command/command-handler.ts';
import {MessageSender} from '../dispatchers/command/message-sender.ts';
import {SessionKeeper} from '../dispatchers/command/session-keeper.ts';
import {Typist} from '../dispatchers/command/typist.ts';
import {Dispatcher, type DispatcherContext, type DispatcherOptions} from '../dispatchers/dispatcher.ts';
import {JobHandler} from '../dispatchers/jobs/job-handler.ts';
import {ReplayRuns} from '../dispatchers/jobs/replay-runs.ts';
import {ReplayStepper} from '../dispatchers/jobs/replay-stepper.ts';
import {DeadLetterHandler} from '../dispatchers/log/dead-letter-handler.ts';
import {EventHandler} from '../dispatchers/log/event-handler.ts';
import {OrderedStarter} from '../dispatchers/log/ordered-starter.ts';
import {OutcomeHandler} from '../dispatchers/log/outcome-handler.ts';
import {ReceiptHandler} from '../dispatchers/log/receipt-handler.ts';
import {MediaCopier} from '../dispatchers/media/media-copier.ts';
import {MediaHandler} from '../dispatchers/media/media-handler.ts';
import {SessionStatusHandler} from '../dispatchers/session/session-status-handler.ts';
import {UnresolvedHandler} from '../dispatchers/session/unresolved-handler.ts';
import {AttemptMaker} from '../dispatchers/webhook/attempt-maker.ts';
import {DeliveryLookup} from '../dispatchers/webhook/delivery-lookup.ts';
import {DeliveryReports} from '../dispatchers/webhook/delivery-reports.ts';
import {Lanes} from '../dispatchers/webhook/lanes.ts';
import {OrderedDeliverer} from '../dispatchers/webhook/ordered-deliverer.ts';
import {OrderedHandler} from '../dispatchers/webhook/ordered-handler.ts';
import {SlowStarts} from '../dispatchers/webhook/slow-starts.ts';
import {Turns} from '../dispatchers/webhook/turns.ts';
import {WebhookHandler} from '../dispatchers/webhook/webhook-handler.ts';
import {LostFramesHandler} from '../dispatchers/websocket/lost-frames-handler.ts';
import {WebsocketHandler} from '../dispatchers/websocket/websocket-handler.ts';
import type {Publisher} from '../domain/broker/publisher.ts';
import type {QueueDeclaration} from '../domain/broker/topology.ts';
import type {Clock} from '../domain/ports/clock.ts';
import {FailureWatch} from '../domain/webhooks/failure-watch.ts';
import {ReplaySelection} from '../domain/webhooks/replay-selection.ts';
import type {Role} from './env.ts';
import {TOKENS} from './tokens.ts';

/** Messages in hand at once, per queue: about twice what its handler has under way. */
const PREFETCH = {
	webhook: 1000,
	/** Per partition. A webhook that hangs takes half of it at most; thirty of them leave a dozen places. */
	ordered: 400,
	websocket: 200,
	lost: 500,
	log: 250,
	outcomes: 50,
	dead: 20,
	session: 50,
	unresolved: 20,
	/** Jobs side by side; a turn takes twenty seconds at most, then others have theirs. */
	jobs: 20,
	/** As many transfers at once. */
	media: 16,
	/** Their batches wait for a second: twice as many as fill one. */
	receipts: 400,
	/**
	 * Per partition, so that one process can be typing in almost a thousand chats. Not more: this many long texts to one chat, which go
	 * out one after the other with 8 s of typing each, must be done well before the broker takes them back (30 min in hand).
	 */
	command: 120,
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
	media: mediaOptions,
	supervisor: sessionOptions,
} as const satisfies Record<Role, (container: DependencyContainer) => readonly DispatcherOptions[]>;

/** Lanes and attempts are the same for both kinds of deliveries: what a webhook may have under way is counted once. */
function webhookOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const clock = container.resolve(TOKENS.clock);
	const log = container.resolve(TOKENS.log);
	const publisher = container.resolve(TOKENS.publisher);
	const directory = container.resolve(TOKENS.webhookDirectory);
	const {deliveryStore} = container.resolve(TOKENS.stores);
	const lanes = new Lanes({clock, capacity: PREFETCH.webhook});
	const deliveries = new DeliveryLookup({deliveries: deliveryStore, clock});
	const reports = new DeliveryReports({publisher, clock});
	const starts = new SlowStarts({reports, clock, log});
	const attempts = new AttemptMaker({
		sender: container.resolve(TOKENS.webhookSender),
		disabling: container.resolve(TOKENS.disabling),
		clock,
		log,
		timeoutMs: container.resolve(TOKENS.config).webhookTimeoutMs,
	});
	const turns = new Turns({directory, deliveries, attempts, lanes, reports, clock});
	const handler = new WebhookHandler({directory, deliveries, turns, lanes, reports, starts, publisher, clock});
	const deliverer = new OrderedDeliverer({directory, deliveries: deliveryStore, turns, reports, publisher, clock});
	const {webhook, ordered} = container.resolve(TOKENS.topology).queues;
	return [
		{
			queue: webhook,
			prefetch: PREFETCH.webhook,
			handle: (message) => handler.handle(message),
			onStop: () => {
				handler.stop();
			},
		},
		...ordered.map((queue) => orderedOptions(queue, {deliverer, starts, publisher, clock})),
	];
}

function orderedOptions(
	queue: QueueDeclaration,
	shared: {deliverer: OrderedDeliverer; starts: SlowStarts; publisher: Publisher; clock: Clock},
): DispatcherOptions {
	const handler = new OrderedHandler({...shared, capacity: PREFETCH.ordered});
	return {
		queue,
		prefetch: PREFETCH.ordered,
		handle: (message) => handler.handle(message),
		onStop: () => {
			handler.stop();
		},
	};
}

function websocketOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const deleted = container.resolve(TOKENS.deletedConnections);
	const handler = new WebsocketHandler({fanout: container.resolve(TOKENS.fanout), deleted});
	const losses = new LostFramesHandler({
		control: container.resolve(TOKENS.control),
		clock: container.resolve(TOKENS.clock),
	});
	const {websocket, lost} = container.resolve(TOKENS.topology).queues;
	return [
		// First: what was lost is told before clients get what follows it.
		{
			queue: lost,
			prefetch: PREFETCH.lost,
			handle: (message) => losses.handle(message),
			onSubscribed: () => {
				losses.tellAll();
			},
		},
		{queue: websocket, prefetch: PREFETCH.websocket, handle: (message) => handler.handle(message)},
	];
}

/** One writer for all partitions of this process: their events share the same batches. */
function logOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const {eventStore, deliveryStore, deadLetterStore, commandStore} = container.resolve(TOKENS.stores);
	const clock = container.resolve(TOKENS.clock);
	const starter = new OrderedStarter({
		directory: container.resolve(TOKENS.webhookDirectory),
		publisher: container.resolve(TOKENS.publisher),
		clock,
	});
	const events = new EventHandler({events: eventStore, starter, clock});
	const watch = new FailureWatch({
		disabling: container.resolve(TOKENS.disabling),
		afterMs: container.resolve(TOKENS.config).webhookDisableAfterMs,
	});
	const outcomes = new OutcomeHandler({deliveries: deliveryStore, watch, clock});
	const deadLetters = new DeadLetterHandler({store: deadLetterStore, clock});
	const receipts = new ReceiptHandler({commands: commandStore, clock});
	const {queues} = container.resolve(TOKENS.topology);
	return [
		...queues.logs.map((queue): DispatcherOptions => ({
			queue,
			prefetch: PREFETCH.log,
			handle: (message) => events.handle(message),
		})),
		{queue: queues.outcomes, prefetch: PREFETCH.outcomes, handle: (message) => outcomes.handle(message)},
		{queue: queues.receipts, prefetch: PREFETCH.receipts, handle: (message) => receipts.handle(message)},
		{queue: queues.dead, prefetch: PREFETCH.dead, handle: (message) => deadLetters.handle(message)},
	];
}

function commandOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const {commandStore, connectionStore, workerStore} = container.resolve(TOKENS.stores);
	const engines = container.resolve(TOKENS.engines);
	const clock = container.resolve(TOKENS.clock);
	const log = container.resolve(TOKENS.log);
	const media = container.resolve(TOKENS.mediaStore);
	const {callbackUrl, mediaMaxFileBytes: maxBytes} = container.resolve(TOKENS.config);
	const handler = new CommandHandler({
		sender: new MessageSender({
			commands: commandStore,
			connections: connectionStore,
			engines,
			attachments: new Attachments({media, fetcher: container.resolve(TOKENS.fileFetcher), maxBytes, log}),
			typist: new Typist({clock, log}),
			clock,
			log,
		}),
		updater: new ChatUpdater({connections: connectionStore, engines, log}),
		keeper: new SessionKeeper({
			connections: connectionStore,
			places: workerStore,
			engines,
			media,
			clock,
			log,
			callbackUrl,
			ingestionSecret: container.resolve(TOKENS.ingestionSecret),
		}),
		publisher: container.resolve(TOKENS.publisher),
		clock,
		log,
	});
	const {commands} = container.resolve(TOKENS.topology).queues;
	return commands.map((queue) => ({
		queue,
		prefetch: PREFETCH.command,
		handle: (message) => handler.handle(message),
		onStop: () => {
			handler.stop();
		},
	}));
}

function mediaOptions(container: DependencyContainer): readonly DispatcherOptions[] {
	const store = container.resolve(TOKENS.mediaStore);
	const clock = container.resolve(TOKENS.clock);
	const log = container.resolve(TOKENS.log);
	const {media} = container.resolve(TOKENS.topology).queues;
	const {mediaMaxFileBytes: maxFileBytes} = container.resolve(TOKENS.config);
	const handler = new MediaHandler({
		copier: new MediaCopier({store, engines: container.resolve(TOKENS.engines), clock, log, maxFileBytes}),
		store,
		connections: container.resolve(TOKENS.stores).connectionStore,
		publisher: container.resolve(TOKENS.publisher),
		queue: media,
		clock,
		log,
	});
	return [
		{
			queue: media,
			prefetch: PREFETCH.media,
			handle: (message) => handler.handle(message),
			onStop: () => {
				handler.stop();
			},
		},
	];
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
		jobOptions(container),
	];
}

function jobOptions(container: DependencyContainer): DispatcherOptions {
	const {
		eventStore: events,
		deliveryStore: deliveries,
		webhookStore: webhooks,
		jobStore: jobs,
	} = container.resolve(TOKENS.stores);
	const {queues} = container.resolve(TOKENS.topology);
	const publisher = container.resolve(TOKENS.publisher);
	const clock = container.resolve(TOKENS.clock);
	const stepper = new ReplayStepper({
		events,
		webhooks,
		selection: new ReplaySelection({events, deliveries}),
		runs: new ReplayRuns({jobs, events, deliveries, publisher, clock}),
		publisher,
		way: {begin: [queues.webhook, ...queues.logs], ordered: queues.ordered, outcomes: queues.outcomes},
		clock,
	});
	const handler = new JobHandler({jobs, stepper, publisher, clock, log: container.resolve(TOKENS.log)});
	return {
		queue: queues.jobs,
		prefetch: PREFETCH.jobs,
		handle: (message) => handler.handle(message),
		onStop: () => {
			handler.stop();
		},
	};
}
