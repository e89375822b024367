import {setTimeout as sleep} from 'node:timers/promises';
import {ApiClient} from '../../support/api-client.ts';
import {IdentityProvider} from '../../support/identity-provider.ts';
import {Child} from '../child.ts';
import {Generator} from '../generator.ts';
import {usageOf} from '../process-usage.ts';
import type {BareWsPace} from '../processes/bare-ws.ts';
import type {ClientsQuestion, ClientsReport} from '../processes/stream-clients.ts';
import {Program, type Line} from '../program.ts';
import {durationsOf, type Figure, type Stage} from '../stage.ts';

const WANTED = {share: 0.7, p99Ms: 50, idleKbAboveBare: 15};
/** What one user's clients get in a second. */
const EVENTS_PER_SECOND = 100;
const SIGNED_IN_FOR_SECONDS = 3600;

type Transport = Extract<ClientsQuestion, {kind: 'open'}>['transport'];

interface StreamSetting {
	readonly env: Readonly<Record<string, string>>;
	/** Signs users in. */
	readonly identity: IdentityProvider;
	/** Clients. */
	readonly count: number;
}

/** What clients got in a while, and what it cost the process that has their sockets. */
interface Broadcast {
	readonly framesPerSecond: number;
	readonly p99Ms: number;
	readonly cpuShare: number;
	readonly idleKb: number;
}

/** The live stream: clients of one user, plain and with Socket.IO, beside `ws` alone; and users with one client each. */
export async function measureStream(stage: Stage): Promise<readonly Figure[]> {
	const count = stage.isQuick ? 100 : 1000;
	const bare = await measureBare(stage, count);
	stage.say(`ws alone: ${describe(bare)}`);
	await using identity = await IdentityProvider.start();
	const env = {
		JWKS_URL: identity.jwksUrl,
		JWT_ISSUER: identity.issuer,
		JWT_AUDIENCE: identity.audience,
		STREAM_MAX_SOCKETS_PER_USER: '100000',
	};
	const measured: Record<Transport, Broadcast> = {
		plain: await measureOne(stage, {env, identity, count, transport: 'plain'}),
		'socket.io': await measureOne(stage, {env, identity, count, transport: 'socket.io'}),
	};
	const many = await measureMany(stage, {env, identity, count});
	const aboveBareKb = measured.plain.idleKb - bare.idleKb;
	const share = measured.plain.framesPerSecond / bare.framesPerSecond;
	const socketIoShare = measured['socket.io'].framesPerSecond / bare.framesPerSecond;
	return [
		{what: `ws alone, ${count} clients, ${EVENTS_PER_SECOND} events/s`, measured: describe(bare)},
		{
			what: `${count} plain clients of one user, ${EVENTS_PER_SECOND} events/s`,
			measured: `${describe(measured.plain)} = ${share.toFixed(2)} × ws alone`,
			wanted: `≥ ${WANTED.share} ×, p99 ≤ ${WANTED.p99Ms} ms`,
			isMet: share >= WANTED.share && measured.plain.p99Ms <= WANTED.p99Ms,
		},
		{
			what: 'RSS of an idle plain client above ws alone',
			measured: `${aboveBareKb.toFixed(1)} KB`,
			wanted: `≤ ${WANTED.idleKbAboveBare} KB`,
			isMet: aboveBareKb <= WANTED.idleKbAboveBare,
		},
		{
			what: `${count} Socket.IO clients of one user, ${EVENTS_PER_SECOND} events/s`,
			measured: `${describe(measured['socket.io'])} = ${socketIoShare.toFixed(2)} × ws alone`,
			wanted: `≥ ${WANTED.share} ×`,
			isMet: socketIoShare >= WANTED.share,
		},
		{what: `${count} users with a client each, ${count / 5} events/s in all`, measured: describe(many)},
	];
}

async function measureBare(stage: Stage, count: number): Promise<Broadcast> {
	await using server = new Child('bare-ws.ts');
	const port = await server.hear<number>();
	const url = `http://127.0.0.1:${port}`;
	const clients = {
		url,
		tokens: Array.from({length: count}, () => 'none'),
		audience: count,
		transport: 'plain',
	} as const;
	return await broadcast(stage, server.pid, clients, () => {
		server.tell({perSecond: EVENTS_PER_SECOND} satisfies BareWsPace);
	});
}

async function measureOne(
	stage: Stage,
	{env, identity, count, transport}: StreamSetting & {transport: Transport},
): Promise<Broadcast> {
	await using program = await Program.start(stage.platform, stage.nodeOptions, env);
	const token = await identity.sign({exp: signedInUntil()});
	const line = await program.connect(new ApiClient(program.gateway.url, token));
	const tokens = Array.from({length: count}, () => token);
	await using resources = new AsyncDisposableStack();
	const measured = await broadcast(
		stage,
		program.gateway.pid,
		{url: program.gateway.url, tokens, audience: count, transport},
		() => {
			const sources = [line.source('message')];
			resources.use(new Generator({kind: 'pace', sources, perSecond: EVENTS_PER_SECOND}));
		},
	);
	stage.say(`${transport}: ${describe(measured)}`);
	return measured;
}

/** Each user has a connection and a client; every connection has an event each five seconds. */
async function measureMany(stage: Stage, {env, identity, count}: StreamSetting): Promise<Broadcast> {
	await using program = await Program.start(stage.platform, stage.nodeOptions, env);
	const exp = signedInUntil();
	const tokens: string[] = [];
	const lines: Line[] = [];
	while (lines.length < count) {
		const batch = await Promise.all(
			Array.from({length: Math.min(20, count - lines.length)}, async () => {
				const token = await identity.sign({exp});
				return {token, line: await program.connect(new ApiClient(program.gateway.url, token))};
			}),
		);
		tokens.push(...batch.map(({token}) => token));
		lines.push(...batch.map(({line}) => line));
	}
	await using resources = new AsyncDisposableStack();
	const clients = {url: program.gateway.url, tokens, audience: 1, transport: 'plain'} as const;
	const measured = await broadcast(stage, program.gateway.pid, clients, () => {
		const sources = lines.map((line) => line.source('message'));
		resources.use(new Generator({kind: 'pace', sources, perSecond: count / 5}));
	});
	stage.say(`${count} users: ${describe(measured)}`);
	return measured;
}

/** Lets clients come in, looks at what they weigh, then at what they get. */
async function broadcast(
	stage: Stage,
	pid: number,
	clients: Omit<Extract<ClientsQuestion, {kind: 'open'}>, 'kind'>,
	begin: () => void,
): Promise<Broadcast> {
	const {warmUpMs, forMs} = durationsOf(stage);
	await using child = new Child('stream-clients.ts');
	const ask = (question: ClientsQuestion): Promise<ClientsReport> => {
		child.tell(question);
		return child.hear<ClientsReport>();
	};
	const before = usageOf(pid);
	await ask({kind: 'open', ...clients});
	await sleep(warmUpMs);
	const idleKb = ((usageOf(pid).rssMb - before.rssMb) * 1024) / clients.tokens.length;
	begin();
	await sleep(warmUpMs);
	await ask({kind: 'reset'});
	const {cpuSeconds} = usageOf(pid);
	const startedAt = performance.now();
	await sleep(forMs);
	const {frames, toLast} = await ask({kind: 'read'});
	const seconds = (performance.now() - startedAt) / 1000;
	return {
		framesPerSecond: frames / seconds,
		p99Ms: toLast.p99Ms,
		cpuShare: (usageOf(pid).cpuSeconds - cpuSeconds) / seconds,
		idleKb,
	};
}

function describe({framesPerSecond, p99Ms, cpuShare, idleKb}: Broadcast): string {
	return `${framesPerSecond.toFixed(0)} frames/s, p99 to the last ${p99Ms.toFixed(1)} ms, CPU ${(cpuShare * 100).toFixed(0)} %, ${idleKb.toFixed(1)} KB each idle`;
}

function signedInUntil(): number {
	return Math.floor(Date.now() / 1000) + SIGNED_IN_FOR_SECONDS;
}
