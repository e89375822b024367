import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {WebSocketServer} from 'ws';

/** What the server is told: events a second, 0 = none. */
export interface BareWsPace {
	readonly perSecond: number;
}

/** As large as the bench's events. */
const FRAME_BYTES = 1024;
const TICK_MS = 1;

/** The limit: `ws` alone, which sends each of its sockets the same prepared buffer. Says its port first. */
const server = createServer();
const sockets = new WebSocketServer({server, perMessageDeflate: false});
let perSecond = 0;
let startedAt = 0;
let sent = 0;
let number = 0;

process.on('message', (pace: BareWsPace) => {
	perSecond = pace.perSecond;
	startedAt = performance.now();
	sent = 0;
});
process.on('disconnect', () => process.exit(0));

function tick(): void {
	for (const due = ((performance.now() - startedAt) * perSecond) / 1000; sent < due; sent++) send();
	setTimeout(tick, TICK_MS);
}

function send(): void {
	const sentUs = Math.round(Number(process.hrtime.bigint()) / 1000);
	const head = `{"event":"message","payload":{"n":${++number},"sentUs":${sentUs},"padding":"`;
	const frame = Buffer.from(`${head.padEnd(FRAME_BYTES - 3, 'x')}"}}`);
	for (const socket of sockets.clients) socket.send(frame, {binary: false});
}

server.listen(0, '127.0.0.1', () => {
	process.send?.((server.address() as AddressInfo).port);
	tick();
});
