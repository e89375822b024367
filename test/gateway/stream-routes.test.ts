import {randomUUID} from 'node:crypto';
import test from 'ava';
import {WebSocket} from 'ws';
import {eventually} from '../support/eventually.ts';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type Tenant,
} from '../support/gateway-harness.ts';
import {IdentityProvider} from '../support/identity-provider.ts';
import {ApiClient} from '../support/api-client.ts';
import {SocketIoProbe} from '../support/socket-io-probe.ts';
import {SseProbe} from '../support/sse-probe.ts';
import {StreamProbe} from '../support/stream-probe.ts';

// What belongs to the live stream beside its sockets: tickets, Server-Sent Events, and who is connected.

const provider = await IdentityProvider.start();
const gateway = await createGatewayHarness({signIn: provider.settings});

test.after.always(async () => {
	await gateway[Symbol.asyncDispose]();
	await provider[Symbol.asyncDispose]();
});

interface TicketView {
	readonly ticket: string;
	readonly expiresAt: string;
}

interface SessionView {
	readonly id: string;
	readonly transport: string;
	readonly connectedAt: string;
	readonly address: string | null;
	readonly userAgent: string | null;
	readonly tokenId: string | null;
	readonly events: readonly string[] | null;
	readonly connectionIds: readonly string[] | null;
	readonly lag: {readonly live: boolean; readonly bufferedBytes: number};
}

const wsUrl = gateway.url.replace('http', 'ws');

const issueTicket = ({client}: Pick<Tenant, 'client'>): Promise<TicketView> => client.call('POST', '/ws/tickets');

const sessionsOf = ({client}: Pick<Tenant, 'client'>): Promise<SessionView[]> => client.call('GET', '/ws/sessions');

/** Waits until a user has this many live clients. */
async function liveSessions(tenant: Pick<Tenant, 'client'>, count: number): Promise<readonly SessionView[]> {
	return eventually(async () => {
		const sessions = await sessionsOf(tenant);
		return sessions.length === count && sessions.every(({lag}) => lag.live) && sessions;
	});
}

/** Lets somebody write to the connection. */
async function receiveMessage({client}: Tenant, {id}: ConnectionView, text = 'hello'): Promise<void> {
	await client.call('POST', `/simulator/connections/${id}/message-from`, {from: '15550110000', text});
}

/** The ids of a connection's messages in the log, when there are so many. */
async function messageIds({client}: Tenant, {id}: ConnectionView, count: number): Promise<readonly string[]> {
	return eventually(async () => {
		const events = await client.call<{id: string}[]>('GET', `/events?connectionId=${id}&event=message`);
		return events.length === count && events.map((event) => event.id);
	});
}

test('a ticket opens one stream, in whatever way, and no second one', async (t) => {
	const tenant = await gateway.createTenant();
	const before = Date.now();
	for (const open of [
		async (ticket: string) => {
			const probe = await StreamProbe.open(`${wsUrl}/ws?ticket=${ticket}`);
			await liveSessions(tenant, 1);
			probe.socket.terminate();
		},
		async (ticket: string) => {
			const probe = await StreamProbe.open(`${wsUrl}/ws?token=${ticket}`);
			await liveSessions(tenant, 1);
			probe.socket.terminate();
		},
		async (ticket: string) => {
			using probe = new SocketIoProbe(gateway.url, {auth: {ticket}});
			await probe.connected();
		},
		async (ticket: string) => {
			using probe = new SseProbe(`${gateway.url}/api/events/stream?ticket=${ticket}`);
			await probe.opened();
		},
	]) {
		const {ticket, expiresAt} = await issueTicket(tenant);
		t.regex(ticket, /^wst_[0-9a-f]{48}$/);
		t.true(Date.parse(expiresAt) > before && Date.parse(expiresAt) <= Date.now() + 60_000);
		await open(ticket);
		await liveSessions(tenant, 0);
		const second = await StreamProbe.open(`${wsUrl}/ws?ticket=${ticket}`);
		t.deepEqual(await second.closed(), {code: 4003, reason: 'Invalid token'});
		const third = await fetch(`${gateway.url}/api/events/stream?ticket=${ticket}`);
		t.is(third.status, 401);
		t.like(await third.json(), {code: 'UNAUTHENTICATED', message: 'Invalid, used or expired ticket'});
	}
});

test('a ticket is good for the stream only, and forged ones for nothing', async (t) => {
	const tenant = await gateway.createTenant();
	const {ticket} = await issueTicket(tenant);
	const response = await new ApiClient(gateway.url, ticket).fetch('GET', '/me');
	t.is(response.status, 401);
	for (const forged of [`wst_${'0'.repeat(48)}`, 'wst_', `${ticket}0`, ticket.toUpperCase()]) {
		const probe = await StreamProbe.open(`${wsUrl}/ws?ticket=${forged}`);
		t.is((await probe.closed()).code, 4003, forged);
	}
	const probe = await StreamProbe.open(`${wsUrl}/ws?ticket=${ticket}`);
	await liveSessions(tenant, 1);
	probe.socket.terminate();
});

test('a ticket sees what its token may see, and dies with it', async (t) => {
	const owner = await gateway.createTenant();
	const [shop, office] = [await createLinkedConnection(owner), await createLinkedConnection(owner)];
	const limited = await gateway.addToken(owner, {connectionIds: [shop.id], scopes: ['read']});
	const [used, unused] = [await issueTicket(limited), await issueTicket(limited)];
	const probe = await StreamProbe.open(`${wsUrl}/ws?ticket=${used.ticket}`);
	await liveSessions(limited, 1);
	await receiveMessage(owner, office);
	await receiveMessage(owner, shop);
	await probe.received(await messageIds(owner, shop, 1));
	const [officeMessage] = await messageIds(owner, office, 1);
	t.false(probe.ids.includes(officeMessage ?? ''));
	await owner.client.call('DELETE', `/tokens/${limited.tokenId}`);
	t.deepEqual(await probe.closed(), {code: 4003, reason: 'Invalid token'});
	const late = await StreamProbe.open(`${wsUrl}/ws?ticket=${unused.ticket}`);
	t.deepEqual(await late.closed(), {code: 4003, reason: 'Invalid token'});
});

test('a ticket of somebody who signed in ends with the sign-in and the user', async (t) => {
	const sub = randomUUID();
	const exp = Math.floor(Date.now() / 1000) + 20;
	const client = new ApiClient(gateway.url, await provider.sign({sub, exp}));
	const [used, unused] = [await issueTicket({client}), await issueTicket({client})];
	t.true(Date.parse(used.expiresAt) <= (exp + 5) * 1000, 'with the tolerance of its check');
	const probe = await StreamProbe.open(`${wsUrl}/ws?ticket=${used.ticket}`);
	await liveSessions({client}, 1);
	await gateway.dependencies.users.setDisabled((await gateway.createTenant()).user, sub, true);
	t.deepEqual(await probe.closed(), {code: 4003, reason: 'Invalid token'});
	const late = await StreamProbe.open(`${wsUrl}/ws?ticket=${unused.ticket}`);
	t.deepEqual(await late.closed(), {code: 4003, reason: 'Invalid token'});
});

test('a token that may not read gets no ticket', async (t) => {
	const tenant = await gateway.createTenant({token: {scopes: ['send', 'manage']}});
	t.is((await tenant.client.fetch('POST', '/ws/tickets')).status, 403);
});

test('an EventSource gets events, comes back by itself and resumes where it was', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = await createLinkedConnection(tenant);
	using probe = new SseProbe(`${gateway.url}/api/events/stream?events=message`, tenant.token);
	await liveSessions(tenant, 1);
	await receiveMessage(tenant, connection, 'one');
	const [first] = await messageIds(tenant, connection, 1);
	await probe.received([first ?? '']);
	t.deepEqual(probe.lastIds, [first]);
	// Its connection ends, and before it is back there is another event.
	const [session] = await sessionsOf(tenant);
	gateway.dependencies.eventSource.stream.find(session?.id ?? '')?.terminate();
	await receiveMessage(tenant, connection, 'two');
	const ids = await messageIds(tenant, connection, 2);
	await probe.received(ids);
	t.deepEqual(probe.ids, ids, 'in order, none twice, and nothing that was not asked for');
	t.deepEqual(probe.gaps, []);
	// What is repeated behind an event that came live takes it no step back.
	const [again] = await liveSessions(tenant, 1);
	await receiveMessage(tenant, connection, 'three');
	const [, , third] = await messageIds(tenant, connection, 3);
	await probe.received([third ?? '']);
	gateway.dependencies.eventSource.stream.find(again?.id ?? '')?.terminate();
	await eventually(() => probe.ids.length === 5);
	t.deepEqual(probe.ids.slice(2), [third, ...ids]);
	t.deepEqual(probe.lastIds.slice(2), [third, third, third]);
});

test('an EventSource that loses its connection before the first event misses none', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = await createLinkedConnection(tenant);
	await receiveMessage(tenant, connection, 'long ago');
	await messageIds(tenant, connection, 1);
	using probe = new SseProbe(`${gateway.url}/api/events/stream?events=message`, tenant.token);
	const [session] = await liveSessions(tenant, 1);
	gateway.dependencies.eventSource.stream.find(session?.id ?? '')?.terminate();
	await receiveMessage(tenant, connection, 'one');
	const [, missed] = await messageIds(tenant, connection, 2);
	await probe.received([missed ?? '']);
	t.deepEqual(probe.ids, [missed], 'and none from before it began');
});

test('what is not asked for, or not allowed, does not come by Server-Sent Events either', async (t) => {
	const owner = await gateway.createTenant();
	const [shop, office] = [await createLinkedConnection(owner), await createLinkedConnection(owner)];
	const limited = await gateway.addToken(owner, {connectionIds: [office.id]});
	using wanted = new SseProbe(
		`${gateway.url}/api/events/stream?connectionId=${shop.id}&events=message.any,message&token=${owner.token}`,
	);
	using allowed = new SseProbe(`${gateway.url}/api/events/stream`, limited.token);
	await liveSessions(owner, 2);
	await receiveMessage(owner, shop);
	await receiveMessage(owner, office);
	await wanted.received(await messageIds(owner, shop, 1));
	await allowed.received(await messageIds(owner, office, 1));
	const names = new Set(wanted.frames.map((frame) => (frame as {event?: string}).event));
	t.deepEqual([...names].sort(), ['message', 'message.any']);
	for (const frame of wanted.frames) t.is((frame as {connectionId?: string}).connectionId, shop.id);
	for (const frame of allowed.frames) t.is((frame as {connectionId?: string}).connectionId, office.id);
});

test('an event that nobody knows is told as a gap by Server-Sent Events, too', async (t) => {
	const tenant = await gateway.createTenant();
	using probe = new SseProbe(`${gateway.url}/api/events/stream?since=evt_nonsense`, tenant.token);
	await eventually(() => probe.gaps.length === 1);
	t.deepEqual(probe.gaps[0], {type: 'gap', from: 'evt_nonsense', to: null, reason: 'unknown'});
});

test('a stream that cannot be is an ordinary error', async (t) => {
	const tenant = await gateway.createTenant();
	const other = await gateway.createTenant();
	const foreign = await createLinkedConnection(other);
	for (const [query, status, code] of [
		['events=Wrong%20Name', 400, 'VALIDATION_FAILED'],
		[`events=${'x'.repeat(65)}`, 400, 'VALIDATION_FAILED'],
		['events=a*b', 400, 'VALIDATION_FAILED'],
		[`connectionId=${foreign.id}`, 404, 'NOT_FOUND'],
		['connectionId=nonsense', 404, 'NOT_FOUND'],
	] as const) {
		const response = await tenant.client.fetch('GET', `/events/stream?${query}`);
		t.is(response.status, status, query);
		t.like(await response.json(), {code});
	}
	const response = await fetch(`${gateway.url}/api/events/stream`);
	t.is(response.status, 401);
	t.deepEqual(await sessionsOf(tenant), []);
});

test('a stream says that it is one, to proxies too, and HEAD opens none', async (t) => {
	const tenant = await gateway.createTenant();
	const head = await tenant.client.fetch('HEAD', '/events/stream');
	t.is(head.status, 200);
	const response = await tenant.client.fetch('GET', '/events/stream');
	t.is(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
	t.regex(response.headers.get('cache-control') ?? '', /no-cache.*no-transform/);
	t.is(response.headers.get('x-accel-buffering'), 'no');
	const reader = response.body?.getReader();
	const first = await reader?.read();
	t.is(Buffer.from(first?.value ?? []).toString(), 'retry: 2000\n\n');
	t.is((await liveSessions(tenant, 1)).length, 1);
	await reader?.cancel();
	await liveSessions(tenant, 0);
});

test('a user sees who is connected, by what, and since when; nobody else does', async (t) => {
	const tenant = await gateway.createTenant();
	const connection = await createLinkedConnection(tenant);
	const second = await gateway.addToken(tenant, {});
	const stranger = await gateway.createTenant();
	const before = Date.now();
	const plain = await StreamProbe.open(`${wsUrl}/ws?token=${tenant.token}&events=message,call.*`, {
		headers: {'user-agent': 'probe/1'},
	});
	await liveSessions(tenant, 1);
	using _socketIo = new SocketIoProbe(gateway.url, {auth: {token: second.token, connectionId: connection.id}});
	await liveSessions(tenant, 2);
	using _sse = new SseProbe(`${gateway.url}/api/events/stream`, tenant.token);
	const [first, ...others] = await liveSessions(tenant, 3);
	t.deepEqual(first, {
		id: first?.id ?? '',
		transport: 'websocket',
		connectedAt: first?.connectedAt ?? '',
		address: '127.0.0.1',
		userAgent: 'probe/1',
		tokenId: tenant.tokenId,
		events: ['message', 'call.*'],
		connectionIds: null,
		lag: {live: true, bufferedBytes: 0},
	});
	t.true(Date.parse(first?.connectedAt ?? '') >= before && Date.parse(first?.connectedAt ?? '') <= Date.now());
	t.like(others[0], {transport: 'socket.io', tokenId: second.tokenId, connectionIds: [connection.id]});
	t.like(others[1], {transport: 'sse', tokenId: tenant.tokenId});
	t.deepEqual(await sessionsOf(stranger), []);
	const limited = await gateway.addToken(tenant, {connectionIds: [connection.id]});
	t.deepEqual(await sessionsOf(limited), []);
	plain.socket.terminate();
	await liveSessions(tenant, 2);
});

test('a user cuts his own clients only', async (t) => {
	const [tenant, stranger] = [await gateway.createTenant(), await gateway.createTenant()];
	const connection = await createLinkedConnection(tenant);
	const limited = await gateway.addToken(tenant, {connectionIds: [connection.id]});
	const plain = await StreamProbe.open(`${wsUrl}/ws?token=${tenant.token}`);
	const [session] = await liveSessions(tenant, 1);
	const path = `/ws/sessions/${session?.id ?? ''}`;
	for (const [caller, message] of [
		[stranger, 'You do not own this session'],
		[limited, 'This token is for certain connections only: it ends no sessions but its own'],
	] as const) {
		const refused = await caller.client.fetch('DELETE', path);
		t.is(refused.status, 403);
		t.like(await refused.json(), {message});
	}
	const unknown = await tenant.client.fetch('DELETE', `/ws/sessions/${randomUUID()}`);
	t.is(unknown.status, 404);
	t.like(await unknown.json(), {message: 'Session not found'});
	t.is(plain.socket.readyState, WebSocket.OPEN);
	t.deepEqual(await tenant.client.call('DELETE', path), {success: true});
	t.deepEqual(await plain.closed(), {code: 4010, reason: 'Ended by its user'});
	t.is((await tenant.client.fetch('DELETE', path)).status, 404);
});

test('a client by Server-Sent Events that is cut is told why, and its token is refused when it is revoked', async (t) => {
	const tenant = await gateway.createTenant();
	const doomed = await gateway.addToken(tenant, {});
	using probe = new SseProbe(`${gateway.url}/api/events/stream`, doomed.token);
	await liveSessions(tenant, 1);
	await tenant.client.call('DELETE', `/tokens/${doomed.tokenId}`);
	await eventually(() => probe.closings.length === 1);
	t.like(probe.closings[0], {code: 4003, reason: 'Invalid token'});
	// It comes back, is told 401, and gives up.
	await eventually(() => probe.failures.includes(401));
	await eventually(() => probe.source.readyState === probe.source.CLOSED);
	t.deepEqual(await sessionsOf(tenant), []);
});

test("a new connection's events reach open streams, and a deleted one's do not any more", async (t) => {
	const tenant = await gateway.createTenant();
	const probe = await StreamProbe.open(`${wsUrl}/ws?token=${tenant.token}&events=message`);
	await liveSessions(tenant, 1);
	const [kept, deleted] = [await createLinkedConnection(tenant), await createLinkedConnection(tenant)];
	await receiveMessage(tenant, deleted);
	await probe.received(await messageIds(tenant, deleted, 1));
	await tenant.client.call('DELETE', `/connections/${deleted.id}`);
	// Within a second, and from then on for good.
	let logged = 1;
	await eventually(async () => {
		const late = {id: `late-${logged}`, event: 'message', session: deleted.sessionName, payload: {body: 'late'}};
		await gateway.ingest(deleted.sessionName, JSON.stringify(late));
		const lateId = (await messageIds(tenant, deleted, ++logged)).at(-1) ?? '';
		await receiveMessage(tenant, kept);
		await probe.received(await messageIds(tenant, kept, logged - 1));
		return !probe.ids.includes(lateId);
	});
	t.true(logged < 6);
	probe.socket.terminate();
});
