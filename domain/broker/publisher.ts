import {randomUUID} from 'node:crypto';
import type {PreparedEvent} from '../events/envelope.ts';
import {partitionOf} from '../hashing.ts';
import type {Command, CommandReply} from '../messaging/command.ts';
import type {Broker, Message, OutgoingMessage} from '../ports/broker.ts';
import type {Clock} from '../ports/clock.ts';
import {deliveryId, type Outcome} from '../webhooks/delivery.ts';
import {
	decodeReply,
	encodeChange,
	encodeCommand,
	encodeDelivery,
	encodeEvent,
	encodeJobTurn,
	encodeOrdered,
	encodeOutcomes,
	encodeProbe,
	encodeReply,
	encodeUnresolved,
	type Change,
	type Content,
	type DeliveryTask,
	type JobTurn,
	type OrderedTask,
	type UnresolvedEvent,
} from './messages.ts';
import type {QueueDeclaration, Topology, WaitLevel} from './topology.ts';

/** A message is due when less than this is left: waiting has a granularity of one second. */
const DUE_WITHIN_MS = 500;

/** Stands in the routing key for "no connection" (user-level events). */
const NO_CONNECTION = '-';

/** Ends the routing key of an event whose files are to be copied, so that one publish reaches that queue too. */
const WITH_MEDIA = '.media';

/** A queue that is worked answers at once. */
const PROBE_TIMEOUT_MS = 2000;

/** Reasons travel in a header, and all headers of a message must fit one frame (RabbitMQ: 128 KB). */
const MAX_REASON_LENGTH = 1000;

/** The largest level not above the remainder; the smallest one when even that is too long. */
export function chooseWaitLevel(levels: readonly WaitLevel[], remainderMs: number): WaitLevel {
	const level = levels.findLast(({delayMs}) => delayMs <= remainderMs) ?? levels[0];
	if (level === undefined) {
		throw new Error('the topology has no wait levels');
	}
	return level;
}

/** When a message is due, milliseconds since the epoch; 0 when it never had to wait. */
export function dueAtMsOf({headers: {dueAt}}: Message): number {
	return typeof dueAt === 'number' ? dueAt : 0;
}

/** True when a message has waited long enough (or never had to). */
export function isDue(message: Message, nowMs: number): boolean {
	return dueAtMsOf(message) - nowMs < DUE_WITHIN_MS;
}

/** Every way in which this system publishes: which exchange, which key, which codec. Promises as `Broker.publish`. */
export class Publisher {
	readonly #broker: Broker;
	readonly #topology: Topology;
	readonly #clock: Clock;

	constructor({broker, topology, clock}: {broker: Broker; topology: Topology; clock: Clock}) {
		this.#broker = broker;
		this.#topology = topology;
		this.#clock = clock;
	}

	/** To every dispatcher at once; the key starts with the user's partition and ends with `media` where there are files. */
	event(event: PreparedEvent): Promise<void> {
		const {exchanges, queues} = this.#topology;
		const partition = partitionOf(event.userId, queues.logs.length);
		const routingKey = `${partition}.${event.userId}.${event.connectionId ?? NO_CONNECTION}.${event.event}${event.media.length > 0 ? WITH_MEDIA : ''}`;
		return this.#publish(exchanges.events.name, routingKey, encodeEvent(event));
	}

	/** An event whose session is not known yet: resolved again after a second. */
	unresolved(unresolved: UnresolvedEvent, id: string): Promise<void> {
		return this.later(this.#topology.queues.unresolved, encodeUnresolved(unresolved, id), this.#clock.now() + 1000);
	}

	/** A delivery's next attempt: at once when it is due. */
	delivery(task: DeliveryTask, dueAtMs: number): Promise<void> {
		const {webhook} = this.#topology.queues;
		const content = encodeDelivery(task, deliveryId(task.event.id, task.webhookId));
		return dueAtMs > this.#clock.now()
			? this.later(webhook, content, dueAtMs)
			: this.direct(webhook, {...content, headers: {...content.headers, dueAt: dueAtMs}});
	}

	/** To where the order of its webhook and chat is kept: at once, in the order of the calls, or at `dueAtMs`. */
	ordered(task: OrderedTask, dueAtMs = 0): Promise<void> {
		const {ordered} = this.#topology.queues;
		const queue = ordered[partitionOf(`${task.webhookId}/${task.chatId}`, ordered.length)];
		if (queue === undefined) {
			throw new Error('the topology has no queues for ordered deliveries');
		}
		const content = encodeOrdered(task, deliveryId(task.event.id, task.webhookId));
		return dueAtMs > this.#clock.now() ? this.later(queue, content, dueAtMs) : this.direct(queue, content);
	}

	/** Whoever works on jobs goes on with this one: at once, or at `dueAtMs`. */
	job(turn: JobTurn, dueAtMs = 0): Promise<void> {
		const {jobs} = this.#topology.queues;
		const content = encodeJobTurn(turn);
		return dueAtMs > this.#clock.now() ? this.later(jobs, content, dueAtMs) : this.direct(jobs, content);
	}

	/** Lets a message wait in the broker until `dueAtMs`, then arrive at `queue`. Any delay works, in steps of a second. */
	later(queue: QueueDeclaration, content: Content, dueAtMs: number): Promise<void> {
		// As far as it may come too early it may come too late: a wait that is as long as a level is one step, however long publishing took.
		const level = chooseWaitLevel(this.#topology.waitLevels, dueAtMs - this.#clock.now() + DUE_WITHIN_MS);
		const headers = {...content.headers, dueAt: dueAtMs};
		return this.#publish(level.exchange.name, queue.name, {id: content.id, headers, body: content.body});
	}

	/** Straight to one work queue, past the topic exchange. */
	direct(queue: QueueDeclaration, content: Content): Promise<void> {
		return this.#publish(this.#topology.exchanges.due.name, queue.name, content);
	}

	outcomes(outcomes: readonly Outcome[]): Promise<void> {
		const {exchanges, queues} = this.#topology;
		return this.#publish(exchanges.outcomes.name, queues.outcomes.name, encodeOutcomes(outcomes, randomUUID()));
	}

	command(command: Command): Promise<void> {
		return this.#broker.publish(this.#toPartition(command));
	}

	/** Publishes a command and waits for its outcome; undefined when it is still queued after `timeoutMs`. */
	async request(command: Command, timeoutMs: number): Promise<CommandReply | undefined> {
		const body = await this.#broker.request(this.#toPartition(command), timeoutMs);
		return body && decodeReply(body);
	}

	/** True when whoever works this queue got through all that was in it within two seconds. */
	async isWorkedOff(queue: QueueDeclaration): Promise<boolean> {
		const probe = {...encodeProbe(randomUUID()), exchange: this.#topology.exchanges.due.name, routingKey: queue.name};
		return (await this.#broker.request(probe, PROBE_TIMEOUT_MS)) !== undefined;
	}

	answerProbe(probe: Message): Promise<void> {
		return this.#broker.reply(probe, Buffer.alloc(0));
	}

	/** Answers the route that waits for a command, if any does. */
	async reply(command: Message, reply: CommandReply): Promise<void> {
		if (command.replyTo !== undefined) {
			await this.#broker.reply(command, encodeReply(reply));
		}
	}

	change(change: Change): Promise<void> {
		return this.#publish(this.#topology.exchanges.control.name, '', encodeChange(change, randomUUID()));
	}

	/** Keeps a message that nobody can handle, with the queue it came from and the reason. */
	dead(message: Message, queue: QueueDeclaration, reason: string): Promise<void> {
		const headers = {...message.headers, deadFrom: queue.name, deadReason: reason.slice(0, MAX_REASON_LENGTH)};
		return this.#publish(this.#topology.exchanges.dead.name, '', {id: message.id, headers, body: message.body});
	}

	#toPartition(command: Command): OutgoingMessage {
		const {exchanges, queues} = this.#topology;
		const partition = partitionOf(command.connectionId, queues.commands.length);
		return {...encodeCommand(command), exchange: exchanges.commands.name, routingKey: String(partition)};
	}

	#publish(exchange: string, routingKey: string, content: Content): Promise<void> {
		return this.#broker.publish({...content, exchange, routingKey});
	}
}
