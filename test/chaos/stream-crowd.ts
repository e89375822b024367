import {WebSocket} from 'ws';

const COMES_BACK_AFTER_MS = 200;

/** What one client saw. */
interface Viewer {
	readonly tenant: number;
	readonly seen: Set<number>;
	/** What it says when it comes back: the last event that it had not seen before, or where its stream began. */
	since: string;
	/** How often it came in: each time at the next gateway, as behind a load balancer. */
	visits: number;
	socket: WebSocket | undefined;
}

/** Clients of several tenants at several gateways, which come back after every loss and resume from their last event. */
export class StreamCrowd implements Disposable {
	readonly #gateways: readonly string[];
	readonly #tokens: readonly string[];
	readonly #viewers: readonly Viewer[];
	readonly #strangers: string[] = [];
	#gaps = 0;
	#closed = false;

	/**
	 * @param options.gateways their URLs
	 * @param options.tokens one for each tenant
	 * @param options.size how many clients, shared out among the tenants
	 */
	constructor({gateways, tokens, size}: {gateways: readonly string[]; tokens: readonly string[]; size: number}) {
		this.#gateways = gateways.map((url) => url.replace(/^http/, 'ws'));
		this.#tokens = tokens;
		this.#viewers = Array.from({length: size}, (_, index) => ({
			tenant: index % tokens.length,
			seen: new Set<number>(),
			since: '',
			visits: Math.floor(index / tokens.length),
			socket: undefined,
		}));
		for (const viewer of this.#viewers) this.#enter(viewer);
	}

	/** Clients that are in. */
	get inside(): number {
		return this.#viewers.filter(({socket}) => socket?.readyState === WebSocket.OPEN).length;
	}

	/** Frames that said that something may be missing. */
	get gaps(): number {
		return this.#gaps;
	}

	/** Events that came to a client of somebody else. */
	get strangers(): readonly string[] {
		return this.#strangers;
	}

	/** How many events of its tenant a client misses, over all clients. @param numbers of the tenants' events */
	missing(numbers: readonly {readonly n: number; readonly tenant: number}[]): number {
		return this.#viewers.reduce(
			(sum, {tenant, seen}) => sum + numbers.filter((event) => event.tenant === tenant && !seen.has(event.n)).length,
			0,
		);
	}

	[Symbol.dispose](): void {
		this.#closed = true;
		for (const {socket} of this.#viewers) socket?.terminate();
	}

	#enter(viewer: Viewer): void {
		const gateway = this.#gateways[viewer.visits++ % this.#gateways.length] ?? '';
		const headers = {authorization: `Bearer ${this.#tokens[viewer.tenant] ?? ''}`};
		const socket = new WebSocket(`${gateway}/api/ws?since=${viewer.since}`, {headers});
		viewer.socket = socket;
		socket.on('message', (data: Buffer) => {
			this.#see(viewer, JSON.parse(data.toString()) as Frame);
		});
		socket.on('error', () => undefined);
		socket.on('close', () => {
			if (this.#closed) return;
			setTimeout(() => {
				this.#enter(viewer);
			}, COMES_BACK_AFTER_MS).unref();
		});
	}

	#see(viewer: Viewer, {id, type, since, event, payload}: Frame): void {
		if (type === 'gap') this.#gaps++;
		if (type === 'ready') viewer.since = since ?? viewer.since;
		if (event !== 'message' || id === undefined) return;
		// Events go to the tenants in turns.
		if (payload.n % this.#tokens.length !== viewer.tenant) this.#strangers.push(id);
		if (viewer.seen.has(payload.n)) return;
		viewer.seen.add(payload.n);
		viewer.since = id;
	}
}

interface Frame {
	readonly id?: string;
	readonly type?: string;
	readonly since?: string | null;
	readonly event?: string;
	readonly payload: {readonly n: number};
}
