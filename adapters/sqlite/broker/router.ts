import {allExchanges, allQueues, type ExchangeDeclaration, type Topology} from '../../../domain/broker/topology.ts';
import {compileTopicPattern} from './topic-pattern.ts';

/** Routing keys that are remembered per topic exchange; some MB at most. They repeat: one per connection and event name. */
const REMEMBERED_KEYS = 10_000;

/** Tells the queues that get a message, by name. */
type Route = (routingKey: string) => readonly string[];

interface Bound {
	readonly queue: string;
	readonly routingKey: string;
}

/** Finds the queues that a message goes to, as RabbitMQ's exchanges do. */
export class Router {
	readonly #routes: ReadonlyMap<string, Route>;

	constructor(topology: Topology) {
		this.#routes = new Map(
			allExchanges(topology).map((exchange) => [exchange.name, compile(exchange, bindingsOf(exchange, topology))]),
		);
	}

	/** The names of the queues, each once; empty when the exchange is unknown or nothing is bound for the key. */
	route(exchange: string, routingKey: string): readonly string[] {
		return this.#routes.get(exchange)?.(routingKey) ?? [];
	}
}

function bindingsOf(exchange: ExchangeDeclaration, topology: Topology): readonly Bound[] {
	return allQueues(topology).flatMap((queue) =>
		queue.bindings
			.filter((binding) => binding.exchange === exchange.name)
			.map(({routingKey}) => ({queue: queue.name, routingKey})),
	);
}

function compile({type}: ExchangeDeclaration, bindings: readonly Bound[]): Route {
	switch (type) {
		case 'fanout': {
			const queues = unique(bindings);
			return () => queues;
		}
		case 'direct': {
			const queues = Map.groupBy(bindings, ({routingKey}) => routingKey);
			const byKey = new Map([...queues].map(([routingKey, bound]) => [routingKey, unique(bound)]));
			return (routingKey) => byKey.get(routingKey) ?? [];
		}
		case 'topic':
			return compileTopics(bindings);
	}
}

function compileTopics(bindings: readonly Bound[]): Route {
	const patterns = bindings.map(({queue, routingKey}) => ({queue, matches: compileTopicPattern(routingKey)}));
	const remembered = new Map<string, readonly string[]>();
	return (routingKey) => {
		let queues = remembered.get(routingKey);
		if (queues === undefined) {
			queues = unique(patterns.filter(({matches}) => matches(routingKey)));
			if (remembered.size >= REMEMBERED_KEYS) remembered.clear();
			remembered.set(routingKey, queues);
		}
		return queues;
	};
}

function unique(bound: readonly {readonly queue: string}[]): readonly string[] {
	return [...new Set(bound.map(({queue}) => queue))];
}
