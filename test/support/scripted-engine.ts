import type {EngineDirectory} from '../../domain/ports/engine-directory.ts';
import type {Capability, CapabilityTable, Operation, WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import type {Worker} from '../../domain/workers/worker.ts';

/** What a test tells an engine to do; parts of facets too. */
export type EngineScript = {
	readonly [Facet in keyof WhatsAppEngine]?: Partial<WhatsAppEngine[Facet]>;
};

export const SCRIPTED_WORKER: Worker = {
	id: '6d1f4f0e-0000-4000-8000-000000000001',
	name: 'scripted',
	kind: 'simulator',
	engine: 'NOWEB',
	capacity: 10,
};

/**
 * A worker whose engine does what a test tells it to; whatever it was not told throws.
 * @param limits what it cannot do; default: it can do everything
 */
export function scriptedEngines(
	script: EngineScript,
	limits: Partial<Record<Operation, Capability>> = {},
): EngineDirectory {
	const able: Capability = {level: 'yes'};
	const capabilities = new Proxy(limits, {
		get: (table, operation: Operation) => table[operation] ?? able,
	}) as CapabilityTable;
	const engine = new Proxy(script, {
		get: (members, facet: keyof WhatsAppEngine) =>
			facet === 'capabilities' ? () => capabilities : told(members[facet] ?? {}, facet),
	}) as WhatsAppEngine;
	return {workers: () => [SCRIPTED_WORKER], engineOf: () => engine};
}

function told(facet: object, name: string): object {
	if (typeof facet === 'function') return facet;
	return new Proxy(facet, {
		get: (members, member) => {
			const value: unknown = Reflect.get(members, member);
			if (value === undefined) throw new Error(`the test's engine was not told what ${name}.${String(member)} does`);
			return value;
		},
	});
}
