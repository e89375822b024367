import {createHmac} from 'node:crypto';
import {connect} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {Agent, request} from 'undici';

/** A session whose events go in, and the names of those, which take turns. */
export interface Source {
	/** Of its ingestion route. */
	readonly url: string;
	readonly session: string;
	/** What its events are signed with. */
	readonly key: string;
	readonly events: readonly string[];
}

/** What the generator is told to do, until it is told to stop. */
export type GeneratorTask =
	/** Events as fast as they arrive: one leaves when another one has arrived everywhere. */
	| {
			readonly kind: 'loop';
			readonly sources: readonly Source[];
			readonly inFlight: number;
			/** Deliveries of an event. */
			readonly webhooks: number;
			readonly reportPort: number;
	  }
	/** Events at a steady rate, whatever becomes of them. */
	| {readonly kind: 'pace'; readonly sources: readonly Source[]; readonly perSecond: number}
	/** So many events, as fast as they are accepted. */
	| {readonly kind: 'fill'; readonly sources: readonly Source[]; readonly inFlight: number; readonly events: number}
	/** Plain POSTs to the sink: the limit of what an HTTP client does here. */
	| {readonly kind: 'post'; readonly url: string; readonly inFlight: number};

/** What it did. */
export interface GeneratorResult {
	/** Events that were accepted, or POSTs that were answered. */
	readonly done: number;
	readonly seconds: number;
}

/** Of an event or a POST. */
const BODY_BYTES = 1024;
const TICK_MS = 1;
const MAX_TRIES = 50;
const RETRY_MS = 100;

const agent = new Agent({connections: 200, pipelining: 1});
const stop = new AbortController();
let done = 0;

process.on('message', (message: GeneratorTask | 'stop') => {
	if (message === 'stop') {
		stop.abort();
		return;
	}
	const startedAt = performance.now();
	run(message).then(
		() => process.send?.({done, seconds: (performance.now() - startedAt) / 1000} satisfies GeneratorResult),
		(error: unknown) => {
			console.error(error);
			process.exit(1);
		},
	);
});
process.on('disconnect', () => process.exit(0));

async function run(task: GeneratorTask): Promise<void> {
	switch (task.kind) {
		case 'post': {
			const body = Buffer.alloc(BODY_BYTES, 'x');
			await sideBySide(task.inFlight, async () => {
				while (!stop.signal.aborted) await post(task.url, body);
			});
			break;
		}
		case 'fill': {
			const next = eventsOf(task.sources);
			let begun = 0;
			await sideBySide(task.inFlight, async () => {
				while (!stop.signal.aborted && begun++ < task.events) await ingest(next());
			});
			break;
		}
		case 'pace':
			await pace(task.perSecond, eventsOf(task.sources));
			break;
		case 'loop':
			await loop(task);
	}
}

/** On time on the whole: what a late tick missed leaves with the next one. */
async function pace(perSecond: number, next: () => Event): Promise<void> {
	const startedAt = performance.now();
	const running = new Set<Promise<void>>();
	for (let begun = 0; !stop.signal.aborted;) {
		for (const due = ((performance.now() - startedAt) * perSecond) / 1000; begun < due; begun++) {
			const work = ingest(next()).finally(() => running.delete(work));
			running.add(work);
		}
		await sleep(TICK_MS);
	}
	await Promise.all(running);
}

async function loop({sources, inFlight, webhooks, reportPort}: Extract<GeneratorTask, {kind: 'loop'}>): Promise<void> {
	const missing = new Map<number, {left: number; readonly arrived: () => void}>();
	const reports = connect(reportPort, '127.0.0.1');
	let rest = '';
	reports.on('data', (chunk: Buffer) => {
		const lines = (rest + chunk.toString()).split('\n');
		rest = lines.pop() ?? '';
		for (const line of lines) {
			const event = missing.get(Number(line));
			if (event !== undefined && --event.left === 0) event.arrived();
		}
	});
	stop.signal.addEventListener('abort', () => {
		for (const {arrived} of missing.values()) arrived();
	});
	const next = eventsOf(sources);
	await sideBySide(inFlight, async () => {
		while (!stop.signal.aborted) {
			const event = next();
			const {promise, resolve} = Promise.withResolvers<undefined>();
			missing.set(event.number, {
				left: webhooks,
				arrived: () => {
					resolve(undefined);
				},
			});
			await ingest(event);
			await promise;
			missing.delete(event.number);
		}
	});
	reports.destroy();
}

async function sideBySide(count: number, work: () => Promise<void>): Promise<void> {
	await Promise.all(Array.from({length: count}, work));
}

interface Event {
	readonly number: number;
	readonly url: string;
	readonly key: string;
	readonly body: string;
}

/** The events of all sources by turns, as an engine writes them. */
function eventsOf(sources: readonly Source[]): () => Event {
	const kinds = sources.flatMap((source) => source.events.map((event) => ({...source, event})));
	let number = 0;
	return () => {
		const kind = kinds[number % kinds.length];
		if (kind === undefined) throw new Error('there is no source');
		number++;
		return {number, url: kind.url, key: kind.key, body: bodyOf(kind.event, kind.session, number)};
	};
}

function bodyOf(event: string, session: string, number: number): string {
	const nowMs = Date.now();
	const id = `${process.pid}_${number}`;
	const sentUs = Math.round(Number(process.hrtime.bigint()) / 1000);
	const head = `{"id":"evt_bench_${id}","timestamp":${nowMs},"event":"${event}","session":"${session}","me":{"id":"79222222222@c.us","pushName":"WAHA"},"payload":{"n":${number},"sentUs":${sentUs},"id":"false_11111111111@c.us_${id}","timestamp":${Math.floor(nowMs / 1000)},"from":"11111111111@c.us","fromMe":false,"body":"Hi there!","hasMedia":false,"media":null,"padding":"`;
	const tail =
		'"},"engine":"NOWEB","environment":{"version":"2026.7.1","engine":"NOWEB","tier":"CORE","worker":{"id":"bench"}}}';
	return head.padEnd(BODY_BYTES - tail.length, 'x') + tail;
}

/** As engines do, it repeats what was refused for the moment, or whose connection was just being closed. */
async function ingest({url, key, body}: Event): Promise<void> {
	const hmac = createHmac('sha512', key).update(body).digest('hex');
	const headers = {
		'content-type': 'application/json',
		'x-webhook-hmac': hmac,
		'x-webhook-hmac-algorithm': 'sha512',
	};
	for (let tries = 1; ; tries++) {
		const status = await post(url, body, headers).catch((error: unknown) => {
			if (tries === MAX_TRIES) throw error;
		});
		if (status === 201) return;
		if (status !== undefined && status !== 503) throw new Error(`ingestion answered ${status}`);
		await sleep(RETRY_MS);
	}
}

/** @returns the status */
async function post(url: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<number> {
	const response = await request(url, {method: 'POST', body, headers, dispatcher: agent});
	await response.body.dump();
	if (response.statusCode !== 503) done++;
	return response.statusCode;
}
