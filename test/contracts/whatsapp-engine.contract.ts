import {randomUUID} from 'node:crypto';
import type {ExecutionContext, TestFn} from 'ava';
import {PNG} from 'pngjs';
import {newSessionName} from '../../domain/connections/session-name.ts';
import {EngineError, type EngineErrorCode} from '../../domain/errors.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import {isEventName, type SessionStatus} from '../../domain/events/vocabulary.ts';
import {clientMessageId} from '../../domain/messaging/command.ts';
import type {OutboundMessage, SendReceipt} from '../../domain/messaging/outbound.ts';
import type {EngineSession, Operation, SessionConfig, WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import {eventually} from '../support/eventually.ts';

/** One engine without sessions, and the hands of the other side. Disposing it ends both. */
export interface EngineFixture extends AsyncDisposable {
	readonly engine: WhatsAppEngine;
	/** The configuration that makes `session` report to this fixture. */
	configOf(session: string): SessionConfig;
	/** Scans the QR code that the session shows at this moment. */
	link(session: string): Promise<void>;
	/** What the session has reported so far, verified and parsed, in order of arrival. */
	events(session: string): readonly UpstreamEvent[];
	/** Called before each look at the engine: winds the clock where time goes by hand, else does nothing. */
	settle(): Promise<void>;
}

/** What the suite needs to know of an adapter. */
export interface EngineHarness {
	/** Makes the titles of several runs in one file differ. */
	readonly name: string;
	start(): Promise<EngineFixture>;
}

/** A recipient that any engine reaches: not one of the simulator's test numbers. */
const CHAT = '15550001111@c.us';

/** What every adapter of the `WhatsAppEngine` port promises. */
export function whatsappEngineContract(test: TestFn, harness: EngineHarness): void {
	const declare = (title: string, body: (t: ExecutionContext, fixture: EngineFixture) => Promise<void>): void => {
		test(`${harness.name}: ${title}`, async (t) => {
			await using fixture = await harness.start();
			await body(t, fixture);
		});
	};

	declare('ensure creates and starts a session that asks for its QR code to be scanned', async (t, fixture) => {
		const session = newSession();
		const created = await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		t.is(created.name, session);
		t.true(['STARTING', 'SCAN_QR_CODE'].includes(created.status), created.status);
		t.is(created.me, null);

		const found = await reach(fixture, session, 'SCAN_QR_CODE');
		t.deepEqual(found, {name: session, status: 'SCAN_QR_CODE', me: null});
		t.is(await fixture.engine.me(session), null);
	});

	declare('ensure again leaves the QR code on screen', async (t, fixture) => {
		const session = await openSession(fixture);
		const before = await fixture.engine.link.qr(session);
		const again = await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		t.is(again.status, 'SCAN_QR_CODE');
		t.is((await fixture.engine.link.qr(session)).value, before.value);
	});

	declare('ensure at the same time from two sides makes one session', async (t, fixture) => {
		const session = newSession();
		const {sessions} = fixture.engine;
		await Promise.all([0, 1].map(() => sessions.ensure(session, fixture.configOf(session))));
		await reach(fixture, session, 'SCAN_QR_CODE');
		t.is((await sessions.list()).filter(({name}) => name === session).length, 1);
	});

	declare('ensure never logs a linked session out', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const again = await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		t.is(again.status, 'WORKING');
		t.truthy((await fixture.engine.me(session))?.id);
	});

	declare('ensure starts a stopped session, which is still linked', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fixture.engine.sessions.stop(session);
		await reach(fixture, session, 'STOPPED');
		await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		await reach(fixture, session, 'WORKING');
		t.pass();
	});

	declare('a QR code has a value and is a real PNG', async (t, fixture) => {
		const [first, second] = [await openSession(fixture), await openSession(fixture)];
		const {value, png, expiresAt} = await fixture.engine.link.qr(first);
		t.not(value, '');
		t.true(expiresAt === undefined || !Number.isNaN(expiresAt.getTime()));

		const image = PNG.sync.read(png);
		t.true(image.width > 100 && image.height > 100, `${image.width} × ${image.height}`);
		t.is(image.width, image.height);
		const shades = new Set(Array.from({length: image.data.length / 4}, (_, pixel) => image.data[pixel * 4]));
		t.true(shades.size > 1, 'the picture is blank');

		const other = await fixture.engine.link.qr(second);
		t.not(other.value, value);
		t.false(other.png.equals(png));
	});

	declare('a session that starts has its QR code soon, and says so until then', async (t, fixture) => {
		const session = newSession();
		await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		const early = await fixture.engine.link.qr(session).catch((error: unknown) => error);
		if (early instanceof Error) {
			t.true(early instanceof EngineError && ['SESSION_STARTING', 'QR_NOT_READY'].includes(early.code), String(early));
			t.true(early instanceof EngineError && early.retryable);
		}
		await reach(fixture, session, 'SCAN_QR_CODE');
		t.not((await fixture.engine.link.qr(session)).value, '');
	});

	declare('a session that is linked or stopped has no QR code', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fails(t, fixture.engine.link.qr(session), 'QR_NOT_READY');
		await fixture.engine.sessions.stop(session);
		await reach(fixture, session, 'STOPPED');
		await fails(t, fixture.engine.link.qr(session), 'QR_NOT_READY');
	});

	declare('scanning links the session to an account', async (t, fixture) => {
		const session = await openSession(fixture);
		await fixture.link(session);
		const linked = await reach(fixture, session, 'WORKING');
		t.regex(linked.me?.id ?? '', /^\d+@c\.us$/);
		t.deepEqual(await fixture.engine.me(session), linked.me);
	});

	declare('every change of status is an event', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await eventually(async () => {
			await fixture.settle();
			return ['STARTING', 'SCAN_QR_CODE', 'WORKING'].every((status) => statusesOf(fixture, session).includes(status));
		});
		await fixture.engine.sessions.stop(session);
		await eventually(async () => {
			await fixture.settle();
			return statusesOf(fixture, session).at(-1) === 'STOPPED';
		});

		const events = fixture.events(session).filter(({event}) => event === 'session.status');
		t.is(new Set(events.map(({id}) => id)).size, events.length);
		for (const {payload} of events) {
			const {name, statuses, ...rest} = payload as Record<string, unknown>;
			t.is(name, session);
			t.deepEqual(Object.keys(rest).sort(), ['data', 'status']);
			const last = (statuses as {status: string; timestamp: number}[]).at(-1);
			t.is(last?.status, String(rest['status']));
			t.true(Number.isInteger(last?.timestamp));
		}
		const working = events.find(({payload}) => (payload as {status: string}).status === 'WORKING');
		t.regex((working?.me as {id: string}).id, /^\d+@c\.us$/);
	});

	declare('events carry their session, a name of the vocabulary, an id and the time', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await send(fixture, session);
		await eventNamed(fixture, session, 'message.any');
		for (const event of fixture.events(session)) {
			t.is(event.session, session);
			t.true(isEventName(event.event), event.event);
			t.not(event.id, '');
			t.true(Number.isInteger(event.timestampMs) && event.timestampMs > Date.UTC(2020), String(event.timestampMs));
			t.true(['GOWS', 'NOWEB', 'WEBJS'].includes(event.engine ?? ''), event.engine);
		}
	});

	declare('a sent text has a receipt', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {id, timestamp} = await send(fixture, session);
		t.regex(id ?? '', /^true_15550001111@c\.us_[0-9A-F]{16,32}$/);
		t.true(Number.isInteger(timestamp) && timestamp > Date.UTC(2020) / 1000 && timestamp < 1e11, String(timestamp));
	});

	declare('a sent text comes back as message.any and is acknowledged in growing steps', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {id} = await send(fixture, session, {text: 'Grüße 👋\nsecond line'});
		const message = (await eventNamed(fixture, session, 'message.any')).payload as Record<string, unknown>;
		t.like(message, {id, fromMe: true, source: 'api', body: 'Grüße 👋\nsecond line', hasMedia: false});
		t.true(Number.isInteger(message['timestamp']) && Number(message['timestamp']) < 1e11);

		await eventually(async () => {
			await fixture.settle();
			return acksOf(fixture, session, id).some(({ack}) => Number(ack) >= 2);
		});
		const acks = acksOf(fixture, session, id);
		t.deepEqual(
			acks.map(({ack}) => ack),
			acks.map(({ack}) => ack).toSorted((left, right) => Number(left) - Number(right)),
		);
		for (const {ack, ackName, fromMe} of acks) {
			t.is(ackName, ['PENDING', 'SERVER', 'DEVICE', 'READ', 'PLAYED'][Number(ack)]);
			t.true(fromMe);
		}
		t.deepEqual(
			fixture.events(session).filter(({event}) => event === 'message'),
			[],
			'own messages are not incoming ones',
		);
	});

	declare('a text can quote another message', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const quoted = await send(fixture, session);
		await send(fixture, session, {text: 'an answer', replyTo: quoted.id ?? ''});
		const answer = await eventNamed(fixture, session, 'message.any', ({body}) => body === 'an answer');
		const replyTo = (answer.payload as {replyTo: {id: string} | null}).replyTo;
		t.is(replyTo?.id, keyOf(quoted));
	});

	declare('sending needs a linked session, and is never said to have worked without', async (t, fixture) => {
		const session = newSession();
		await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		await fails(t, send(fixture, session), 'SESSION_STARTING', 'SESSION_NOT_CONNECTED');
		await reach(fixture, session, 'SCAN_QR_CODE');
		await fails(t, send(fixture, session), 'SESSION_NOT_CONNECTED');
		await fixture.link(session);
		await reach(fixture, session, 'WORKING');
		await fixture.engine.sessions.stop(session);
		await reach(fixture, session, 'STOPPED');
		await fails(t, send(fixture, session), 'SESSION_NOT_CONNECTED');

		await fixture.engine.sessions.start(session);
		await reach(fixture, session, 'WORKING');
		await onlyGoesOut(t, fixture, session);
	});

	declare('a send that was called off before it began does nothing', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await t.throwsAsync(send(fixture, session, {signal: AbortSignal.abort()}));
		await onlyGoesOut(t, fixture, session);
	});

	declare('a restart keeps the credentials', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const before = await fixture.engine.me(session);
		const {name, status} = await fixture.engine.sessions.restart(session);
		t.is(name, session);
		t.true(['STARTING', 'WORKING'].includes(status), status);
		await reach(fixture, session, 'WORKING');
		t.deepEqual(await fixture.engine.me(session), before);
		t.true((await send(fixture, session)).id?.startsWith('true_'));
	});

	declare('stop and start keep the credentials and can be repeated', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {sessions} = fixture.engine;
		const before = await fixture.engine.me(session);
		await sessions.stop(session);
		await sessions.stop(session);
		t.is((await reach(fixture, session, 'STOPPED')).status, 'STOPPED');
		await sessions.start(session);
		await reach(fixture, session, 'WORKING');
		t.is((await sessions.start(session)).status, 'WORKING');
		t.deepEqual(await fixture.engine.me(session), before);
	});

	declare('logout unlinks the phone, and the session can be linked again', async (t, fixture) => {
		const session = await linkedSession(fixture);
		await fixture.engine.sessions.logout(session);
		await fixture.engine.sessions.ensure(session, fixture.configOf(session));
		const unlinked = await reach(fixture, session, 'SCAN_QR_CODE');
		t.is(unlinked.me, null);
		t.is(await fixture.engine.me(session), null);
		await fixture.link(session);
		await reach(fixture, session, 'WORKING');
	});

	declare('remove deletes the session with its credentials, and can be repeated', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const {sessions} = fixture.engine;
		await sessions.remove(session);
		t.is(await sessions.find(session), undefined);
		t.false((await sessions.list()).some(({name}) => name === session));
		await sessions.remove(session);
		await sessions.remove(newSession());

		await sessions.ensure(session, fixture.configOf(session));
		t.is((await reach(fixture, session, 'SCAN_QR_CODE')).me, null);
	});

	declare('an unknown session is said to be unknown', async (t, fixture) => {
		const {engine} = fixture;
		t.is(await engine.sessions.find(newSession()), undefined);
		await fails(t, engine.sessions.start(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.sessions.restart(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.sessions.logout(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.link.qr(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, engine.me(newSession()), 'SESSION_NOT_FOUND');
		await fails(t, send(fixture, newSession()), 'SESSION_NOT_FOUND');
	});

	declare('list has every session, stopped ones included', async (t, fixture) => {
		const [linked, open, stopped] = [
			await linkedSession(fixture),
			await openSession(fixture),
			await openSession(fixture),
		];
		await fixture.engine.sessions.stop(stopped);
		await reach(fixture, stopped, 'STOPPED');
		const listed = await fixture.engine.sessions.list();
		t.deepEqual(
			new Map(listed.map(({name, status}) => [name, status])),
			new Map([
				[linked, 'WORKING'],
				[open, 'SCAN_QR_CODE'],
				[stopped, 'STOPPED'],
			]),
		);
		t.deepEqual(listed.find(({name}) => name === linked)?.me, await fixture.engine.me(linked));
	});

	declare('sessions do not touch each other', async (t, fixture) => {
		const [linked, open] = [await openSession(fixture), await openSession(fixture)];
		await fixture.link(linked);
		await reach(fixture, linked, 'WORKING');
		await send(fixture, linked);
		await eventNamed(fixture, linked, 'message.any');
		t.is((await fixture.engine.sessions.find(open))?.status, 'SCAN_QR_CODE');
		t.true(fixture.events(open).every(({event}) => event === 'session.status'));
	});

	declare('what the capability table says is true, in both directions', async (t, fixture) => {
		const table = fixture.engine.capabilities();
		for (const [operation, probe] of Object.entries(PROBES) as [Operation, Probe][]) {
			await probe(t, fixture, table[operation].level !== 'no');
		}
	});

	declare('ping answers, and gives up when it is told to', async (t, fixture) => {
		await fixture.engine.ping(AbortSignal.timeout(10_000));
		await t.throwsAsync(fixture.engine.ping(AbortSignal.abort()));
	});
}

type Probe = (t: ExecutionContext, fixture: EngineFixture, able: boolean) => Promise<void>;

/** Tries each operation: one that is able must work, one that is not must answer NOT_SUPPORTED. */
const PROBES: Readonly<Record<Operation, Probe>> = {
	qr: async (t, fixture, able) => {
		const session = await openSession(fixture);
		await worksOrRefuses(t, fixture.engine.link.qr(session), able);
	},
	me: async (t, fixture, able) => {
		const session = await linkedSession(fixture);
		await worksOrRefuses(t, fixture.engine.me(session), able);
	},
	'send.text': async (t, fixture, able) => {
		const session = await linkedSession(fixture);
		await worksOrRefuses(t, send(fixture, session), able);
	},
	/** An option and no call: able means that the message has the id that was asked for, on every transport. */
	'client-message-id': async (t, fixture, able) => {
		const session = await linkedSession(fixture);
		const key = clientMessageId(randomUUID());
		const receipt = await send(fixture, session, {key});
		t.is(keyOf(receipt) === key, able, `asked for ${key}, got ${receipt.id ?? 'no id'}`);
		t.is(idOf(await eventNamed(fixture, session, 'message.any')) ?? null, receipt.id);
	},
	/** The port has no method for it yet, so nobody may promise it. */
	'pairing-code': (t, _fixture, able) => {
		t.false(able);
		return Promise.resolve();
	},
};

async function worksOrRefuses(t: ExecutionContext, call: Promise<unknown>, able: boolean): Promise<void> {
	await (able ? t.notThrowsAsync(call) : fails(t, call, 'NOT_SUPPORTED'));
}

function newSession(): string {
	return newSessionName(randomUUID());
}

/** A session that shows its QR code. */
async function openSession(fixture: EngineFixture): Promise<string> {
	const session = newSession();
	await fixture.engine.sessions.ensure(session, fixture.configOf(session));
	await reach(fixture, session, 'SCAN_QR_CODE');
	return session;
}

async function linkedSession(fixture: EngineFixture): Promise<string> {
	const session = await openSession(fixture);
	await fixture.link(session);
	await reach(fixture, session, 'WORKING');
	return session;
}

async function reach(fixture: EngineFixture, session: string, status: SessionStatus): Promise<EngineSession> {
	return eventually(async () => {
		await fixture.settle();
		const found = await fixture.engine.sessions.find(session);
		if (found?.status !== status) {
			throw new Error(`${session} is ${found?.status ?? 'unknown'} and not ${status}`);
		}
		return found;
	});
}

interface SendOptions {
	readonly text?: string;
	readonly replyTo?: string;
	readonly key?: string;
	readonly signal?: AbortSignal;
}

function send(fixture: EngineFixture, session: string, options: SendOptions = {}): Promise<SendReceipt> {
	const {text = 'Hi there!', replyTo, key = clientMessageId(randomUUID()), signal} = options;
	const message: OutboundMessage = {
		chatId: CHAT,
		content: {kind: 'text', text},
		...(replyTo !== undefined && {replyTo}),
	};
	return fixture.engine.messages.send(session, message, key, signal ?? AbortSignal.timeout(10_000));
}

/** Sends one more and finds that nothing else ever went out. */
async function onlyGoesOut(t: ExecutionContext, fixture: EngineFixture, session: string): Promise<void> {
	const {id} = await send(fixture, session, {text: 'the only one'});
	await eventNamed(fixture, session, 'message.any', ({body}) => body === 'the only one');
	const sent = fixture.events(session).filter(({event}) => event === 'message.any');
	t.deepEqual(sent.map(idOf), [id]);
}

async function fails(t: ExecutionContext, call: Promise<unknown>, ...codes: EngineErrorCode[]): Promise<void> {
	const error = await t.throwsAsync(call, {instanceOf: EngineError});
	if (error instanceof EngineError) {
		t.true(codes.includes(error.code), `${error.code} and not ${codes.join(' or ')}: ${error.message}`);
		t.is(error.sideEffect, 'none');
	}
}

type Payload = Readonly<Record<string, unknown>>;

async function eventNamed(
	fixture: EngineFixture,
	session: string,
	name: string,
	matches: (payload: Payload) => boolean = () => true,
): Promise<UpstreamEvent> {
	return eventually(async () => {
		await fixture.settle();
		const found = fixture.events(session).find(({event, payload}) => event === name && matches(payload as Payload));
		if (found === undefined) throw new Error(`${session} has reported no such ${name}`);
		return found;
	});
}

/** The statuses that a session reported, in the engine's order. */
function statusesOf(fixture: EngineFixture, session: string): readonly string[] {
	return inEngineOrder(fixture.events(session))
		.filter(({event}) => event === 'session.status')
		.map(({payload}) => (payload as {status: string}).status);
}

/** The acks of one message, in the engine's order. */
function acksOf(fixture: EngineFixture, session: string, id: string | null): readonly Payload[] {
	return inEngineOrder(fixture.events(session))
		.filter((event) => event.event === 'message.ack' && idOf(event) === id)
		.map(({payload}) => payload as Payload);
}

/** Engines may deliver in parallel: their own time orders events, not the arrival. */
function inEngineOrder(events: readonly UpstreamEvent[]): readonly UpstreamEvent[] {
	return events.toSorted((left, right) => left.timestampMs - right.timestampMs);
}

function idOf({payload}: UpstreamEvent): string | undefined {
	return (payload as {id?: string}).id;
}

/** WhatsApp's own key of a message: the third part of its id. */
function keyOf({id}: SendReceipt): string | undefined {
	return id?.split('_')[2];
}
