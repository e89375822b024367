import {SWITCH_DELAY_MS} from '../../domain/webhooks/ordering.ts';
import type {ApiClient} from '../support/api-client.ts';
import {eventually} from '../support/eventually.ts';
import type {FakeWaha} from '../support/fake-waha.ts';
import {linkConnection, type LinkedConnection} from '../support/link-connection.ts';
import type {StreamClient} from '../support/stream-client.ts';
import {ChaosEndpoint} from './endpoint.ts';

const SLOW_MS = 300;

/** Short waits, so that a chat that is held goes on soon; long ones, so that no delivery dies while endpoints are away. */
const ORDERED_SCHEDULE_SECONDS = [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 5, 5, 10, 10, 10, 10, 30, 30, 60, 60];

/** The gateway's clock is read a little later than ours. */
const CLOCK_MARGIN_MS = 1000;

/**
 * Plain: 200 at once. Flaky: a fifth of the first attempts fails, and some of the second. Slow: 200 after 300 ms. Ordered: its webhook
 * keeps the order of each chat, while a seventh of the first attempts fails, and some of the second.
 */
export const ENDPOINTS = ['plain', 'flaky', 'slow', 'ordered'] as const;
export type EndpointKind = (typeof ENDPOINTS)[number];

export type ChaosEndpoints = Readonly<Record<EndpointKind, ChaosEndpoint>>;

/** Somebody with a linked connection, a webhook at each endpoint and a socket. */
export interface ChaosTenant {
	readonly client: ApiClient;
	readonly connection: LinkedConnection;
	readonly stream: StreamClient;
	readonly webhooks: Readonly<Record<EndpointKind, string>>;
	/** The order of events that are posted from then on is kept at the ordered endpoint; milliseconds of the ledger's clock. */
	readonly orderedFromMs: number;
}

export async function startEndpoints(resources: AsyncDisposableStack): Promise<ChaosEndpoints> {
	/** @param every of so many first attempts, one fails, and of so many second ones */
	const fails = (every: number, n: number, attempt: number): boolean =>
		(attempt === 1 && n % every === 0) || (attempt === 2 && n % every ** 2 === 0);
	const start = async (kind: EndpointKind, answer: ChaosEndpoint['answer']): Promise<ChaosEndpoint> =>
		resources.use(await ChaosEndpoint.start(kind, answer));
	return {
		plain: await start('plain', () => ({status: 200})),
		flaky: await start('flaky', ({n, attempt}) => ({status: fails(5, n, attempt) ? 500 : 200})),
		slow: await start('slow', () => ({status: 200, afterMs: SLOW_MS})),
		ordered: await start('ordered', ({n, attempt}) => ({status: fails(7, n, attempt) ? 500 : 200})),
	};
}

/** @param options.number of the tenant, from 0 */
export async function createTenant(options: {
	number: number;
	client: ApiClient;
	/** Opens a socket. */
	openStream: () => StreamClient;
	waha: FakeWaha;
	endpoints: ChaosEndpoints;
}): Promise<ChaosTenant> {
	const {number, client, openStream, waha, endpoints} = options;
	const connection = await linkConnection(client, waha);
	const webhooks = {} as Record<EndpointKind, string>;
	for (const kind of ENDPOINTS) {
		webhooks[kind] = await addWebhook(client, connection.id, {
			endpoint: endpoints[kind],
			number,
			options: OPTIONS[kind],
		});
	}
	const orderedFromMs = performance.now() + SWITCH_DELAY_MS + CLOCK_MARGIN_MS;
	const stream = openStream();
	await eventually(() => stream.isOpen);
	return {client, connection, webhooks, stream, orderedFromMs};
}

/** A webhook for messages at an endpoint. @param webhook.options beside URL and events @returns its id */
export async function addWebhook(
	client: ApiClient,
	connectionId: string,
	{endpoint, number, options = {}}: {endpoint: ChaosEndpoint; number: number; options?: object},
): Promise<string> {
	const {id, signingSecret} = await client.call<{id: string; signingSecret: string}>(
		'POST',
		`/connections/${connectionId}/webhooks`,
		{url: endpoint.urlOf(number), events: ['message'], ...options},
	);
	endpoint.expect(number, signingSecret);
	return id;
}

/** Beside URL and events. */
const OPTIONS: Readonly<Record<EndpointKind, object>> = {
	plain: {},
	flaky: {},
	// Slow, not overrun: its lane has room for all that comes in its 300 ms.
	slow: {concurrency: 50},
	ordered: {ordered: 'chat', retry: {schedule: ORDERED_SCHEDULE_SECONDS}},
};
