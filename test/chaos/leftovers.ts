import {connect} from 'amqplib';
import {allQueues} from '../../domain/broker/topology.ts';
import {deliveryId} from '../../domain/webhooks/delivery.ts';
import type {ChaosDeployment, ChaosServices} from './deployment.ts';
import type {Evidence} from './evidence.ts';
import type {Ledger} from './ledger.ts';
import type {SocketWatch} from './socket-watch.ts';
import {ENDPOINTS, type ChaosTenant} from './tenants.ts';

/** A page of deliveries. */
const ROWS = 100;

/** Accepted events that are not at each of their webhooks and on the socket, a line for each place. @param sockets of the tenants */
export function missing(
	{posts, arrivals}: Pick<Ledger, 'posts' | 'arrivals'>,
	sockets: readonly Pick<SocketWatch, 'has'>[],
): readonly string[] {
	const arrived = new Set(arrivals.filter(({end}) => end === 'accepted').map(({webhook, n}) => `${webhook}/${n}`));
	return posts
		.filter(({acceptedAtMs}) => acceptedAtMs !== undefined)
		.flatMap(({n, tenant}) => [
			...ENDPOINTS.map((kind) => `${kind}/${tenant}/${n}`).filter((key) => !arrived.has(key)),
			...(sockets[tenant]?.has(n) === true ? [] : [`socket/${tenant}/${n}`]),
		]);
}

/** Deliveries that have no row `delivered`, and last events that are not in the log yet. */
export async function unrecorded({deployment, ledger}: Evidence): Promise<readonly string[]> {
	const left: string[] = [];
	const {arrivals, posts} = ledger();
	const eventIds = new Map(arrivals.map(({n, eventId}) => [n, eventId]));
	for (const [number, tenant] of deployment.tenants.entries()) {
		const ids = posts
			.filter((post) => post.tenant === number && eventIds.has(post.n))
			.map(({n}) => eventIds.get(n) ?? '');
		for (const kind of ENDPOINTS) {
			const states = await rowsOf(tenant, tenant.webhooks[kind]);
			const wanted = ids.map((id) => deliveryId(id, tenant.webhooks[kind]));
			left.push(
				...wanted
					.filter((id) => states.get(id) !== 'delivered')
					.map((id) => `${kind}/${number}/${id} is ${states.get(id) ?? 'without a row'}`),
			);
		}
		const {status} = await tenant.client.fetch('GET', `/events/${ids.at(-1) ?? ''}`);
		if (status !== 200) left.push(`the last event of tenant ${number} is not in the log`);
	}
	return left;
}

/** The state of every delivery of a webhook, by id. */
async function rowsOf({client}: ChaosTenant, webhookId: string): Promise<ReadonlyMap<string, string>> {
	const states = new Map<string, string>();
	let path: string | undefined = `/webhooks/${webhookId}/deliveries?limit=${ROWS}`;
	while (path !== undefined) {
		const response: Response = await client.fetch('GET', path);
		for (const {id, status} of (await response.json()) as {id: string; status: string}[]) states.set(id, status);
		path = /<[^>]*\/api(\/[^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
	}
	return states;
}

/** A send for each tenant: the way out works, too. */
export async function unsent({tenants}: ChaosDeployment): Promise<readonly string[]> {
	const answers = await Promise.all(
		tenants.map(async ({client, connection}) => {
			const body = {chatId: '15550001111', text: 'still there?', skipPresence: true};
			const response = await client.fetch('POST', `/connections/${connection.id}/send`, body);
			return response.ok ? [] : [`${response.status} ${await response.text()}`];
		}),
	);
	return answers.flat();
}

/** Queues that nobody consumes, that are gone, or that still hold something. */
export async function unattended({node, topology}: ChaosServices): Promise<readonly string[]> {
	const connection = await connect(node.url);
	try {
		const left: string[] = [];
		for (const {name, kind} of allQueues(topology)) {
			if (kind === 'broadcast') continue;
			const channel = await connection.createChannel();
			const {consumerCount, messageCount} = await channel.checkQueue(name);
			if (kind !== 'wait' && consumerCount === 0) left.push(`${name} has no consumer`);
			if (messageCount > 0) left.push(`${name} holds ${messageCount} messages`);
			await channel.close();
		}
		return left;
	} finally {
		await connection.close();
	}
}
