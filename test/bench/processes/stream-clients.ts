import {once} from 'node:events';
import {io} from 'socket.io-client';
import {WebSocket} from 'ws';
import {summarise, type Summary} from '../summary.ts';

/** What the clients are told: come in, forget what came so far, or say what came since then. */
export type ClientsQuestion =
	| {
			readonly kind: 'open';
			readonly transport: 'plain' | 'socket.io';
			/** Of the server, `http://…`. */
			readonly url: string;
			/** A client for each; clients of one token get the same events. */
			readonly tokens: readonly string[];
			/** How many of them get an event. */
			readonly audience: number;
	  }
	| {readonly kind: 'reset'}
	| {readonly kind: 'read'};

/** What came since the last reset. The summary is of events that all of their clients got: from sending to the last of them. */
export interface ClientsReport {
	readonly frames: number;
	readonly toLast: Summary;
}

/** So many come in at once. */
const SIDE_BY_SIDE = 50;

const NUMBER = Buffer.from('"n":');
const SENT = Buffer.from('"sentUs":');

/** By the event's number: how many clients still miss it. */
const missing = new Map<number, number>();
let audience = 1;
let frames = 0;
let toLastMs: number[] = [];

process.on('message', (question: ClientsQuestion) => {
	answer(question).then(
		(report) => process.send?.(report),
		(error: unknown) => {
			console.error(error);
			process.exit(1);
		},
	);
});
process.on('disconnect', () => process.exit(0));

async function answer(question: ClientsQuestion): Promise<ClientsReport> {
	switch (question.kind) {
		case 'open': {
			audience = question.audience;
			const open = question.transport === 'plain' ? openPlain : openSocketIo;
			const tokens = question.tokens.values();
			const work = async (): Promise<void> => {
				for (const token of tokens) await open(question.url, token);
			};
			await Promise.all(Array.from({length: SIDE_BY_SIDE}, work));
			break;
		}
		case 'reset':
			missing.clear();
			frames = 0;
			toLastMs = [];
			break;
		case 'read':
			break;
	}
	return {frames, toLast: summarise(toLastMs)};
}

async function openPlain(url: string, token: string): Promise<void> {
	const headers = {authorization: `Bearer ${token}`};
	const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/api/ws`, {headers, perMessageDeflate: false});
	socket.on('message', (data: Buffer) => {
		note(numberAt(data, NUMBER), numberAt(data, SENT));
	});
	socket.on('close', (code, reason) => {
		throw new Error(`a stream was closed: ${code} ${reason.toString()}`);
	});
	await once(socket, 'open');
}

async function openSocketIo(url: string, token: string): Promise<void> {
	const socket = io(url, {path: '/api/ws', transports: ['websocket'], auth: {token}, forceNew: true});
	socket.on('event', ({payload}: {payload: {n?: number; sentUs?: number}}) => {
		note(payload.n, payload.sentUs);
	});
	socket.on('disconnect', (reason) => {
		throw new Error(`a stream was closed: ${reason}`);
	});
	await new Promise<void>((resolve, reject) => {
		socket.once('connect', resolve);
		socket.once('connect_error', reject);
	});
}

function note(number: number | undefined, sentUs: number | undefined): void {
	if (number === undefined || sentUs === undefined) return;
	frames++;
	const left = (missing.get(number) ?? audience) - 1;
	if (left > 0) {
		missing.set(number, left);
		return;
	}
	missing.delete(number);
	toLastMs.push(Number(process.hrtime.bigint()) / 1e6 - sentUs / 1000);
}

/** Without parsing the frame: a thousand clients of one process get each event. */
function numberAt(data: Buffer, mark: Buffer): number | undefined {
	const start = data.indexOf(mark);
	if (start === -1) return undefined;
	let value = 0;
	for (let index = start + mark.length; ; index++) {
		const digit = (data[index] ?? 0) - 48;
		if (digit < 0 || digit > 9) return value;
		value = value * 10 + digit;
	}
}
