/** The shape of the broker's topology. The values are configuration (`config/topology.ts`) and are injected. */

export interface ExchangeDeclaration {
	readonly name: string;
	readonly type: 'topic' | 'direct' | 'fanout';
}

export interface Binding {
	readonly exchange: string;
	/** A topic pattern (`*` one word, `#` any number of words), an exact key, or '' for a fanout exchange. */
	readonly routingKey: string;
}

interface QueueBase {
	/** Carries a version suffix: a queue's type and arguments cannot be altered in place. */
	readonly name: string;
	readonly bindings: readonly Binding[];
}

/** Durable work: survives restarts, counts deliveries, dead-letters at least once past `deliveryLimit`. */
export interface WorkQueue extends QueueBase {
	readonly kind: 'work';
	readonly singleActiveConsumer: boolean;
	readonly deliveryLimit: number;
	readonly deadLetterExchange: string;
}

/** Durable waiting room: every message leaves after `ttlMs`, to `deadLetterExchange` with the routing key it came with. */
export interface WaitQueue extends QueueBase {
	readonly kind: 'wait';
	readonly ttlMs: number;
	readonly deadLetterExchange: string;
}

/** Durable dead end; nothing is ever dead-lettered out of it. */
export interface DeadQueue extends QueueBase {
	readonly kind: 'dead';
}

/** What is stale in a minute: bounded, the oldest message is dropped first. */
export interface VolatileQueue extends QueueBase {
	readonly kind: 'volatile';
	readonly ttlMs: number;
	readonly maxLength: number;
	/** Gets what is dropped, or grows too old; not for sure: a broker that ends may forget it. Absent = it is gone. */
	readonly deadLetterExchange?: string;
}

/** Every consumer gets its own copy of each message; gone with the consumer. */
export interface BroadcastQueue extends QueueBase {
	readonly kind: 'broadcast';
}

export type QueueDeclaration = WorkQueue | WaitQueue | DeadQueue | VolatileQueue | BroadcastQueue;

/** One delay of the waiting room; a fanout exchange keeps the routing key, which names the target work queue. */
export interface WaitLevel {
	readonly delayMs: number;
	readonly exchange: ExchangeDeclaration;
	readonly queue: WaitQueue;
}

export interface Topology {
	readonly exchanges: {
		/** topic, key `partition.user.connection.event`, with `.media` behind it when the event has files */
		readonly events: ExchangeDeclaration;
		/** direct, key = command partition */
		readonly commands: ExchangeDeclaration;
		/** direct, key = name of the target work queue */
		readonly due: ExchangeDeclaration;
		/** direct, results of delivery attempts */
		readonly outcomes: ExchangeDeclaration;
		/** fanout, "something changed": caches and open sockets follow it */
		readonly control: ExchangeDeclaration;
		/** fanout, poison and unknown messages */
		readonly dead: ExchangeDeclaration;
		/** fanout, events that the live stream did not get */
		readonly lost: ExchangeDeclaration;
	};
	readonly queues: {
		readonly webhook: WorkQueue;
		readonly websocket: VolatileQueue;
		/** What `websocket` dropped. */
		readonly lost: VolatileQueue;
		/** One per event partition: a single active consumer each, so that `seq` grows. */
		readonly logs: readonly WorkQueue[];
		readonly session: WorkQueue;
		/** Acknowledgements of messages. */
		readonly receipts: WorkQueue;
		/** Events whose files are to be copied. */
		readonly media: WorkQueue;
		/** Events whose session is not known yet. */
		readonly unresolved: WorkQueue;
		/** One per command partition. */
		readonly commands: readonly WorkQueue[];
		readonly outcomes: WorkQueue;
		/** Deliveries whose chats keep their order, one per partition of webhook and chat: a single active consumer each. */
		readonly ordered: readonly WorkQueue[];
		/** Long work that goes on step by step. */
		readonly jobs: WorkQueue;
		readonly dead: DeadQueue;
		readonly control: BroadcastQueue;
	};
	/** Ascending by delay. */
	readonly waitLevels: readonly WaitLevel[];
}

/** All exchanges of a topology, each once. */
export function allExchanges(topology: Topology): readonly ExchangeDeclaration[] {
	return [...Object.values(topology.exchanges), ...topology.waitLevels.map((level) => level.exchange)];
}

/** All queues of a topology, each once. */
export function allQueues(topology: Topology): readonly QueueDeclaration[] {
	return [...Object.values(topology.queues).flat(), ...topology.waitLevels.map((level) => level.queue)];
}
