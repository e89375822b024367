import {createHmac} from 'node:crypto';
import {connect} from 'node:net';
import {Agent, request} from 'undici';

/** What the generator is told to do. */
export type GeneratorTask =
	/** Events into the gateway, counted as done when the sink got them. */
	| {
			readonly kind: 'ingest';
			readonly url: string;
			readonly session: string;
			readonly key: string;
			readonly reportPort: number;
			readonly inFlight: number;
			readonly warmUpMs: number;
			readonly measureMs: number;
			/** Deliveries per event. */
			readonly webhooks: number;
			/** Bytes of an event. */
			readonly size: number;
	  }
	/** Plain POSTs to the sink: the limit of what an HTTP client does here. */
	| {
			readonly kind: 'post';
			readonly url: string;
			readonly inFlight: number;
			readonly measureMs: number;
			readonly size: number;
	  };

export interface GeneratorResult {
	readonly done: number;
	readonly seconds: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
}

const agent = new Agent({connections: 200, pipelining: 1});

process.once('message', (task: GeneratorTask) => {
	const work = task.kind === 'post' ? runPosts(task) : runIngestion(task);
	work.then(
		(result) => process.send?.(result),
		(error: unknown) => {
			console.error(error);
			process.exit(1);
		},
	);
});
process.on('disconnect', () => process.exit(0));

async function runPosts({
	url,
	inFlight,
	measureMs,
	size,
}: Extract<GeneratorTask, {kind: 'post'}>): Promise<GeneratorResult> {
	const body = Buffer.alloc(size, 'x');
	const latencies: number[] = [];
	const startedAt = performance.now();
	const post = async (): Promise<void> => {
		while (performance.now() - startedAt < measureMs) {
			const sentAt = performance.now();
			const response = await request(url, {method: 'POST', body, dispatcher: agent});
			await response.body.dump();
			latencies.push(performance.now() - sentAt);
		}
	};
	await Promise.all(Array.from({length: inFlight}, post));
	return summarise(latencies, (performance.now() - startedAt) / 1000);
}

/** A closed loop: an event leaves when another one has arrived. */
async function runIngestion(task: Extract<GeneratorTask, {kind: 'ingest'}>): Promise<GeneratorResult> {
	const arrivals = new Map<number, () => void>();
	const waiting = new Map<number, number>();
	const reports = connect(task.reportPort, '127.0.0.1');
	let rest = '';
	reports.on('data', (chunk: Buffer) => {
		const lines = (rest + chunk.toString()).split('\n');
		rest = lines.pop() ?? '';
		for (const line of lines) {
			const number = Number(line);
			const left = (waiting.get(number) ?? 0) - 1;
			waiting.set(number, left);
			if (left === 0) {
				waiting.delete(number);
				arrivals.get(number)?.();
			}
		}
	});
	let next = 0;
	const latencies: number[] = [];
	const startedAt = performance.now();
	const measureFrom = startedAt + task.warmUpMs;
	const end = measureFrom + task.measureMs;
	let measuredFrom = 0;
	const loop = async (): Promise<void> => {
		while (performance.now() < end) {
			const number = next++;
			const arrived = new Promise<void>((resolve) => arrivals.set(number, resolve));
			waiting.set(number, task.webhooks);
			const sentAt = performance.now();
			await postEvent(task, number);
			await arrived;
			arrivals.delete(number);
			const now = performance.now();
			if (now >= measureFrom && now <= end) {
				measuredFrom ||= now;
				latencies.push(now - sentAt);
			}
		}
	};
	await Promise.all(Array.from({length: task.inFlight}, loop));
	reports.destroy();
	return summarise(latencies, task.measureMs / 1000);
}

async function postEvent(
	{url, session, key, size}: Extract<GeneratorTask, {kind: 'ingest'}>,
	number: number,
): Promise<void> {
	const nowMs = Date.now();
	const envelope = {
		id: `evt_bench_${process.pid}_${number}`,
		timestamp: nowMs,
		event: 'message',
		session,
		me: {id: '79222222222@c.us', pushName: 'WAHA'},
		payload: {
			id: `false_11111111111@c.us_${number}`,
			timestamp: Math.floor(nowMs / 1000),
			from: '11111111111@c.us',
			fromMe: false,
			body: 'Hi there!',
			hasMedia: false,
			media: null,
			n: number,
			padding: '',
		},
		engine: 'NOWEB',
		environment: {version: '2026.7.1', engine: 'NOWEB', tier: 'CORE', worker: {id: 'bench'}},
	};
	envelope.payload.padding = 'x'.repeat(Math.max(0, size - JSON.stringify(envelope).length));
	const body = JSON.stringify(envelope);
	const hmac = createHmac('sha512', key).update(body).digest('hex');
	for (;;) {
		const response = await request(url, {
			method: 'POST',
			body,
			headers: {'content-type': 'application/json', 'x-webhook-hmac': hmac, 'x-webhook-hmac-algorithm': 'sha512'},
			dispatcher: agent,
		});
		const text = await response.body.text();
		if (response.statusCode === 201) return;
		if (response.statusCode !== 503) throw new Error(`ingestion answered ${response.statusCode}: ${text}`);
	}
}

function summarise(latencies: number[], seconds: number): GeneratorResult {
	latencies.sort((a, b) => a - b);
	const at = (share: number): number =>
		latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
	return {done: latencies.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99)};
}
