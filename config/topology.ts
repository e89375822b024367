import type {Binding, ExchangeDeclaration, Topology, WaitLevel, WorkQueue} from '../domain/broker/topology.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Event partitions: each has one log queue with a single active consumer. Changing it re-orders what is in flight. */
const LOG_PARTITIONS = 8;

/** Command partitions: each is worked by one process at a time. Changing it re-orders what is in flight. */
const COMMAND_PARTITIONS = 8;

/** Partitions of ordered deliveries, by webhook and chat: each is worked by one process at a time. Changing it re-orders what is in flight. */
const ORDERED_PARTITIONS = 8;

/** A message that was returned more often than this is poison and goes to the dead letters. */
const DELIVERY_LIMIT = 20;

/** The delays of the default retry schedule, and small ones to make up any other delay by hopping. */
const WAIT_LEVELS_MS = [
	SECOND,
	2 * SECOND,
	5 * SECOND,
	10 * SECOND,
	20 * SECOND,
	40 * SECOND,
	80 * SECOND,
	5 * MINUTE,
	30 * MINUTE,
	2 * HOUR,
	6 * HOUR,
	12 * HOUR,
];

/**
 * Everything that is declared on the broker.
 * @param prefix starts every name; tests use one of their own to share a broker
 */
export function createTopology(prefix = 'wahooks'): Topology {
	const exchange = (name: string, type: ExchangeDeclaration['type']): ExchangeDeclaration => ({
		name: `${prefix}.${name}`,
		type,
	});
	const exchanges = {
		events: exchange('events', 'topic'),
		commands: exchange('commands', 'direct'),
		due: exchange('due', 'direct'),
		outcomes: exchange('outcomes', 'direct'),
		control: exchange('control', 'fanout'),
		dead: exchange('dead', 'fanout'),
		lost: exchange('lost', 'fanout'),
	} satisfies Topology['exchanges'];

	/** Every queue with a dispatcher can also be reached by its name, which is how waiting messages come back. */
	const byName = (name: string): Binding => ({exchange: exchanges.due.name, routingKey: name});

	const work = (name: string, source?: ExchangeDeclaration, routingKey?: string, single = false): WorkQueue => {
		const fullName = `${prefix}.${name}.v1`;
		const own = source === undefined ? [] : [{exchange: source.name, routingKey: routingKey ?? fullName}];
		return {
			kind: 'work',
			name: fullName,
			bindings: [...own, byName(fullName)],
			singleActiveConsumer: single,
			deliveryLimit: DELIVERY_LIMIT,
			deadLetterExchange: exchanges.dead.name,
		};
	};

	return {
		exchanges,
		queues: {
			webhook: work('webhook', exchanges.events, '#'),
			websocket: {
				kind: 'volatile',
				name: `${prefix}.websocket.v2`,
				bindings: [{exchange: exchanges.events.name, routingKey: '#'}, byName(`${prefix}.websocket.v2`)],
				ttlMs: MINUTE,
				maxLength: 50_000,
				deadLetterExchange: exchanges.lost.name,
			},
			// Whoever begins to work it off tells everybody: what it drops itself was lost before that.
			lost: {
				kind: 'volatile',
				name: `${prefix}.lost.v1`,
				bindings: [{exchange: exchanges.lost.name, routingKey: ''}, byName(`${prefix}.lost.v1`)],
				ttlMs: MINUTE,
				maxLength: 1000,
			},
			logs: range(LOG_PARTITIONS).map((partition) =>
				work(`log.${partition}`, exchanges.events, `${partition}.#`, true),
			),
			session: work('session', exchanges.events, '*.*.*.session.status'),
			// Also `message.ack.group`, and what ends in `.media`: some engines repeat the whole message.
			receipts: work('receipts', exchanges.events, '*.*.*.message.ack.#'),
			media: work('media', exchanges.events, '#.media'),
			unresolved: work('unresolved'),
			commands: range(COMMAND_PARTITIONS).map((partition) =>
				work(`command.${partition}`, exchanges.commands, String(partition), true),
			),
			outcomes: work('outcomes', exchanges.outcomes),
			ordered: range(ORDERED_PARTITIONS).map((partition) => work(`ordered.${partition}`, undefined, undefined, true)),
			jobs: work('jobs'),
			dead: {
				kind: 'dead',
				name: `${prefix}.dead.v1`,
				bindings: [{exchange: exchanges.dead.name, routingKey: ''}, byName(`${prefix}.dead.v1`)],
			},
			control: {
				kind: 'broadcast',
				name: `${prefix}.control`,
				bindings: [{exchange: exchanges.control.name, routingKey: ''}],
			},
		},
		waitLevels: WAIT_LEVELS_MS.map((delayMs): WaitLevel => {
			const name = `wait.${delayMs / SECOND}s`;
			const entrance = exchange(name, 'fanout');
			return {
				delayMs,
				exchange: entrance,
				queue: {
					kind: 'wait',
					name: `${prefix}.${name}.v1`,
					bindings: [{exchange: entrance.name, routingKey: ''}],
					ttlMs: delayMs,
					deadLetterExchange: exchanges.due.name,
				},
			};
		}),
	};
}

function range(count: number): readonly number[] {
	return Array.from({length: count}, (_, index) => index);
}
