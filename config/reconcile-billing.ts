import {SystemClock} from '../adapters/system/system-clock.ts';
import {SetupError} from '../domain/errors.ts';
import type {Entitlement} from '../domain/billing/entitlement.ts';
import type {ScopedLogger} from '../domain/ports/logger.ts';
import {createContainer} from './container.ts';
import {DataDirectory} from './data-dir.ts';
import type {Config} from './env.ts';
import {openInfrastructure} from './infrastructure.ts';
import {TOKENS} from './tokens.ts';
import {createTopology} from './topology.ts';

const PAGE_ROWS = 100;

/** What a comparison of all accounts came to. */
export interface Reconciliation {
	readonly right: number;
	/** Records that differed, and are right now. */
	readonly repaired: number;
	/** Those of which the provider could not say. */
	readonly unknown: number;
}

/**
 * Compares what we know of every account with what the billing provider knows, repairs what differs, and suspends or resumes what
 * follows from it. Can be run beside running gateways, but for the embedded default, whose files belong to one process.
 * @throws {SetupError} nothing is sold, or something cannot be opened
 */
export async function reconcileBilling({
	config,
	version,
	log,
}: {
	config: Config;
	version: string;
	log: ScopedLogger;
}): Promise<Reconciliation> {
	if (config.billing.mode !== 'provider') {
		throw new SetupError('There is nothing to compare with: set STRIPE_SECRET_KEY and its prices (docs/billing.md)');
	}
	await using resources = new AsyncDisposableStack();
	const clock = new SystemClock();
	const topology = createTopology(config.namespace);
	const dataDirectory = (): DataDirectory => new DataDirectory(config.dataDir);
	const infrastructure = await openInfrastructure({config, topology, dataDirectory, clock, log, resources});
	const container = createContainer({config, version, clock, log, topology, infrastructure, dataDirectory, resources});
	const care = container.resolve(TOKENS.billingCare);
	const counts = {right: 0, repaired: 0, unknown: 0};
	let page: readonly Entitlement[] = [];
	do {
		const last = page.at(-1);
		page = await infrastructure.stores.entitlementStore.list({limit: PAGE_ROWS, ...(last && {after: last})});
		for (const entitlement of page) {
			const wasRight = await care.reconcile(entitlement);
			await care.follow(entitlement.id);
			counts[wasRight === undefined ? 'unknown' : wasRight ? 'right' : 'repaired']++;
		}
	} while (page.length === PAGE_ROWS);
	return counts;
}
