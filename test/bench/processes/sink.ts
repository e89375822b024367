import {createServer, type ServerResponse} from 'node:http';
import {createServer as createTcpServer, type AddressInfo, type Socket} from 'node:net';
import {summarise, type Summary} from '../summary.ts';

/** What the sink is told: forget all arrivals, or say what arrived at a group since then. */
export type SinkQuestion = {readonly kind: 'reset'} | {readonly kind: 'read'; readonly group: string};

/** Where it listens; sent once, first. */
export interface SinkAddress {
	readonly httpPort: number;
	readonly reportPort: number;
}

/**
 * Tenants' endpoints in a process of its own: `/<behaviour>/<group>`, where the behaviour is `ok` (200 at once), `slow` (200 after 100 ms),
 * `hang` (never) or `drip` (a byte a second without end). Notes when what arrived was sent (`"sentUs":…` in its body, on the machine's
 * monotonic clock), and tells whoever is connected to its second port the number of each (`"n":…`), a line each.
 */
const MARKS = /"n":(\d+),"sentUs":(\d+)/;
const SLOW_MS = 100;
const DRIP_MS = 1000;

const latenciesByGroup = new Map<string, number[]>();
const listeners = new Set<Socket>();
let lines = '';

const BEHAVIOURS: Readonly<Record<string, (response: ServerResponse) => void>> = {
	ok: answer,
	slow: (response) => setTimeout(answer, SLOW_MS, response),
	hang: () => undefined,
	drip: (response) => {
		const timer = setInterval(() => response.write('.'), DRIP_MS);
		response.once('close', () => {
			clearInterval(timer);
		});
	},
};

const http = createServer((request, response) => {
	let body = '';
	request.setEncoding('latin1');
	request.on('data', (chunk: string) => (body += chunk));
	request.on('end', () => {
		const [, behaviour = '', group = ''] = (request.url ?? '').split('/');
		const [, number, sentUs] = MARKS.exec(body) ?? [];
		if (number !== undefined && sentUs !== undefined) note(group, number, Number(sentUs));
		(BEHAVIOURS[behaviour] ?? answer)(response);
	});
});
http.keepAliveTimeout = 60_000;

function answer(response: ServerResponse): void {
	response.writeHead(200, {'content-length': 2});
	response.end('ok');
}

function note(group: string, number: string, sentUs: number): void {
	let latencies = latenciesByGroup.get(group);
	if (latencies === undefined) latenciesByGroup.set(group, (latencies = []));
	latencies.push(Number(process.hrtime.bigint()) / 1e6 - sentUs / 1000);
	if (lines === '') setImmediate(report);
	lines += `${number}\n`;
}

function report(): void {
	for (const socket of listeners) socket.write(lines);
	lines = '';
}

const reports = createTcpServer((socket) => {
	socket.setNoDelay(true);
	listeners.add(socket);
	socket.on('close', () => listeners.delete(socket));
	socket.on('error', () => listeners.delete(socket));
});

process.on('message', (question: SinkQuestion) => {
	if (question.kind === 'reset') latenciesByGroup.clear();
	const summary: Summary = summarise(question.kind === 'read' ? (latenciesByGroup.get(question.group) ?? []) : []);
	process.send?.(summary);
});
process.on('disconnect', () => process.exit(0));

http.listen(0, '127.0.0.1', () => {
	reports.listen(0, '127.0.0.1', () => {
		const address: SinkAddress = {
			httpPort: (http.address() as AddressInfo).port,
			reportPort: (reports.address() as AddressInfo).port,
		};
		process.send?.(address);
	});
});
