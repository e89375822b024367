import {connect} from 'amqplib';
import {setTimeout as pause} from 'node:timers/promises';
import type {Semaphore} from '../support/semaphore.ts';
import type {ChaosDeployment, ChaosServices} from './deployment.ts';
import type {Fault} from './ledger.ts';
import {until} from './until.ts';

/** Used by the retries that the endpoint asks for below, and else only when an endpoint is away for long. */
const DELETED_LEVEL_MS = 20_000;
/** A moment more: the rest of a wait is a little less than it when it reaches the broker. */
const ASKED_WAIT_SECONDS = DELETED_LEVEL_MS / 1000 + 1;

/** What strikes faults on. */
export interface Target {
	readonly deployment: ChaosDeployment;
	/** Where each fault is written down as it begins. */
	readonly faults: Fault[];
	/** Says what happens. */
	readonly say: (line: string) => void;
	/** Held while a process is killed and started, or RabbitMQ is away: what a process needs at its start is there. */
	readonly turn: Semaphore;
	/** Aborted when the run is broken off. */
	readonly signal: AbortSignal;
	/** Resolves when an event of each tenant that was posted from now on has arrived; milliseconds until then. */
	readonly nextArrival: () => Promise<number>;
	/** What was broken must be whole again within this, or the run is broken off. */
	readonly patienceMs: number;
}

/** SIGKILL, and a start on the same data as whoever supervises processes makes it. */
export async function killProcess(
	target: Target,
	{name, process}: ChaosDeployment['processes'][number],
): Promise<void> {
	using _ = await target.turn.acquire();
	const ended = {
		acceptsEvents: /^(gateway|the process)/.test(name),
		makesAttempts: /^(webhook|the process)/.test(name),
	};
	const fault = begin(target, `kill -9 ${name}`, {repeats: ended.acceptsEvents || ended.makesAttempts, ended});
	await process.kill();
	await process.start();
	fault.restartMs = performance.now() - fault.fromMs;
}

/** `stop_app`, and `start_app` later. The others must come back to it by themselves. */
export async function restartBroker(target: Target, services: ChaosServices, awayMs: number): Promise<void> {
	using _ = await target.turn.acquire();
	const fault = begin(target, 'RabbitMQ away', {repeats: true});
	await services.node.stopApp();
	await pause(awayMs, undefined, {signal: target.signal});
	await services.node.startApp();
	fault.toMs = performance.now();
	const resumedMs = await target.nextArrival();
	target.say(`RabbitMQ is back, deliveries go on after ${Math.round(resumedMs)} ms`);
}

/** Connections to MongoDB break, and new ones are refused. */
export async function takeStoreAway(target: Target, services: ChaosServices, awayMs: number): Promise<void> {
	const fault = begin(target, 'MongoDB away', {repeats: false});
	services.store.refuse();
	try {
		await pause(awayMs, undefined, {signal: target.signal});
	} finally {
		services.store.heal();
	}
	fault.toMs = performance.now();
}

/** All endpoints at once: connections break, and new ones are refused. Done when the breakers of all lanes have closed again. */
export async function takeEndpointsAway(target: Target, awayMs: number): Promise<void> {
	const fault = begin(target, 'endpoints away', {repeats: true});
	const endpoints = Object.values(target.deployment.endpoints);
	await Promise.all(endpoints.map((endpoint) => endpoint.leave()));
	await pause(awayMs, undefined, {signal: target.signal});
	await Promise.all(endpoints.map((endpoint) => endpoint.comeBack()));
	fault.toMs = performance.now();
	await target.nextArrival();
}

/** Deletes an empty wait queue, and makes the next delivery need it. */
export async function deleteWaitQueue(target: Target, {node, topology}: ChaosServices): Promise<void> {
	const name = topology.waitLevels.find(({delayMs}) => delayMs === DELETED_LEVEL_MS)?.queue.name ?? '';
	const connection = await connect(node.url);
	try {
		const channel = await connection.createChannel();
		// Quorum queues know no "only if empty": it is asked right before.
		await until(`${name} is empty`, async () => (await channel.checkQueue(name)).messageCount === 0 || undefined, {
			timeoutMs: target.patienceMs,
			signal: target.signal,
		});
		begin(target, 'wait queue deleted', {repeats: false});
		await channel.deleteQueue(name);
	} finally {
		await connection.close();
	}
	const {plain} = target.deployment.endpoints;
	const usual = plain.answer;
	let isAsked = false;
	plain.answer = () => {
		plain.answer = usual;
		isAsked = true;
		return {status: 503, retryAfterSeconds: ASKED_WAIT_SECONDS};
	};
	await until('a delivery needs the wait queue', () => isAsked || undefined, {
		timeoutMs: target.patienceMs,
		signal: target.signal,
	});
}

function begin({faults, say}: Target, name: string, about: Pick<Fault, 'repeats' | 'ended'>): Fault {
	const nowMs = performance.now();
	const fault: Fault = {name, ...about, fromMs: nowMs, toMs: nowMs};
	faults.push(fault);
	say(name);
	return fault;
}
