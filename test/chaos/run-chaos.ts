import {setTimeout as pause} from 'node:timers/promises';
import {Semaphore} from '../support/semaphore.ts';
import {audit, type Audit} from './audit.ts';
import {deploy, type ChaosDeployment} from './deployment.ts';
import {deleteWaitQueue, killProcess, restartBroker, takeEndpointsAway, takeStoreAway, type Target} from './faults.ts';
import type {Arrival, Fault, Ledger} from './ledger.ts';
import type {ChaosOptions} from './options.ts';
import {SocketWatch} from './socket-watch.ts';
import {ENDPOINTS} from './tenants.ts';
import {Traffic} from './traffic.ts';
import {until} from './until.ts';

const SAY_EVERY_MS = 10_000;

/** A steady stream of events while faults strike; at the end everything is counted. @throws the reason of `signal` */
export async function runChaos(options: ChaosOptions): Promise<Audit> {
	const {say, signal} = options;
	await using deployment = await deploy(options.urls);
	using sockets = new DisposableStack();
	const watches = deployment.tenants.map(({stream}) => sockets.use(new SocketWatch(stream)));
	const sessions = deployment.tenants.map(({connection}) => connection.sessionName);
	using traffic = new Traffic({waha: deployment.waha, sessions});
	const faults: Fault[] = [];
	const ledger = (): Ledger => ({posts: traffic.posts, arrivals: arrivalsOf(deployment), faults});
	say(
		`${deployment.processes.length} processes, ${deployment.tenants.length} tenants with ${ENDPOINTS.length} webhooks each`,
	);

	traffic.start(options.eventsPerSecond);
	await nextArrival(deployment, traffic, options);
	using _ = sayRegularly(options, () => `${traffic.posts.length} events, ${arrivalsOf(deployment).length} arrivals`);
	const target: Target = {
		deployment,
		faults,
		say,
		turn: new Semaphore(1),
		signal,
		nextArrival: () => nextArrival(deployment, traffic, options),
		patienceMs: options.settleWithinMs,
	};
	deployment.replays.start(target.turn);
	await strike(target, options);
	await traffic.stop();
	say('the faults are over: what was accepted arrives and is recorded');
	return await audit({deployment, traffic, watches, ledger, options});
}

/** Kills go on while everything else is taken away and given back, one thing after the other. */
async function strike(target: Target, options: ChaosOptions): Promise<void> {
	const {signal} = target;
	const done = new AbortController();
	const killing = killInTurn(target, options, AbortSignal.any([done.signal, signal]));
	// It is awaited below; until then its failure is nobody's surprise.
	killing.catch(() => undefined);
	const endsAtMs = performance.now() + options.forMs;
	try {
		do {
			for (const takeAway of roundOf(target, options)) {
				await pause(options.calmMs, undefined, {signal});
				await takeAway();
			}
			await pause(options.calmMs, undefined, {signal});
		} while (performance.now() < endsAtMs);
	} finally {
		done.abort();
		await killing;
	}
}

function roundOf(target: Target, {awayMs}: ChaosOptions): readonly (() => Promise<void>)[] {
	const {services} = target.deployment;
	const endpoints = (): Promise<void> => takeEndpointsAway(target, awayMs.endpoints);
	// Endpoints that are away for most of the time would push retries hours ahead.
	const onlyKills = (): Promise<void> => pause(3 * awayMs.endpoints, undefined, {signal: target.signal});
	if (services === undefined) return [endpoints, onlyKills];
	const broker = (): Promise<void> => restartBroker(target, services, awayMs.broker);
	return [
		broker,
		() => deleteWaitQueue(target, services),
		() => takeStoreAway(target, services, awayMs.store),
		endpoints,
		broker,
	];
}

/** All roles, then those that run twice once more, and again. Ends with `signal`, but not before each role had its turn. */
async function killInTurn(
	target: Target,
	{killEveryMs}: Pick<ChaosOptions, 'killEveryMs'>,
	signal: AbortSignal,
): Promise<void> {
	const {processes} = target.deployment;
	const inTurn = processes.toSorted((a, b) => Number(a.name.endsWith('2')) - Number(b.name.endsWith('2')));
	const roles = processes.filter(({name}) => !name.endsWith('2')).length;
	for (let kills = 0; kills < roles || !signal.aborted; kills++) {
		target.signal.throwIfAborted();
		await pause(killEveryMs, undefined, {signal: target.signal});
		const next = inTurn[kills % inTurn.length];
		if (next !== undefined) await killProcess(target, next);
	}
}

/** Milliseconds until an event of each tenant that was posted from now on has arrived at its plain webhook. */
async function nextArrival(
	{endpoints: {plain}, tenants}: ChaosDeployment,
	{posts}: Traffic,
	{settleWithinMs: timeoutMs, signal}: ChaosOptions,
): Promise<number> {
	const fromMs = performance.now();
	const before = posts.length;
	const arrivalsBefore = plain.arrivals.length;
	const firsts = (): readonly Arrival[] | undefined => {
		const since = plain.arrivals.slice(arrivalsBefore).filter(({n, end}) => n >= before && end === 'accepted');
		const found = tenants.flatMap((_, tenant) => since.find(({n}) => posts[n]?.tenant === tenant) ?? []);
		return found.length === tenants.length ? found : undefined;
	};
	const arrived = await until('an event of each tenant arrives', firsts, {timeoutMs, signal});
	return Math.max(...arrived.map(({atMs}) => atMs)) - fromMs;
}

function arrivalsOf({endpoints}: ChaosDeployment): Ledger['arrivals'] {
	return Object.values(endpoints).flatMap(({arrivals}) => arrivals);
}

function sayRegularly({say}: ChaosOptions, line: () => string): Disposable {
	const startedAtMs = performance.now();
	const timer = setInterval(() => {
		say(`${Math.round((performance.now() - startedAtMs) / 1000)} s: ${line()}`);
	}, SAY_EVERY_MS);
	return {
		[Symbol.dispose]: () => {
			clearInterval(timer);
		},
	};
}
