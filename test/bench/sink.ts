import {createServer} from 'node:http';
import {createServer as createTcpServer, type Socket} from 'node:net';
import type {AddressInfo} from 'node:net';

/**
 * A tenant's endpoint in a process of its own. Answers 200 at once and tells whoever is connected to its second port the number
 * that each body carries (`"n":123`), a line each.
 */
const NUMBER = /"n":(\d+)/;
const listeners = new Set<Socket>();
let lines = '';

const http = createServer((request, response) => {
	let number = '';
	request.on('data', (chunk: Buffer) => {
		number ||= NUMBER.exec(chunk.toString('latin1'))?.[1] ?? '';
	});
	request.on('end', () => {
		response.writeHead(200, {'content-length': 2});
		response.end('ok');
		if (number === '') return;
		if (lines === '') setImmediate(report);
		lines += `${number}\n`;
	});
});
http.keepAliveTimeout = 60_000;

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

http.listen(0, '127.0.0.1', () => {
	reports.listen(0, '127.0.0.1', () => {
		process.send?.({
			httpPort: (http.address() as AddressInfo).port,
			reportPort: (reports.address() as AddressInfo).port,
		});
	});
});
process.on('disconnect', () => process.exit(0));
