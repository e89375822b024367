import {randomUUID} from 'node:crypto';
import type {ExecutionContext, TestFn} from 'ava';
import {newSessionName} from '../../../domain/connections/session-name.ts';
import {EngineError, type EngineErrorCode} from '../../../domain/errors.ts';
import type {UpstreamEvent} from '../../../domain/events/upstream-event.ts';
import type {SessionStatus} from '../../../domain/events/vocabulary.ts';
import {clientMessageId} from '../../../domain/messaging/command.ts';
import {messageKeyOf} from '../../../domain/messaging/message-id.ts';
import type {OpenFile, OutboundMessage, SendResult} from '../../../domain/messaging/outbound.ts';
import type {EngineSession, SessionConfig, WhatsAppEngine} from '../../../domain/ports/whatsapp-engine.ts';
import {eventually} from '../../support/eventually.ts';

/** What a contact sends. */
export interface IncomingProbe {
	/** Chat id. */
	readonly from: string;
	/** Text, or the caption of the file. */
	readonly text: string;
	/** A document of so many bytes, whatever they are, instead of a text. */
	readonly sizeBytes?: number;
}

/** What went out with a message that has a file. */
export interface SentFile {
	readonly sizeBytes: number;
	/** Hex. */
	readonly sha256: string;
	readonly mimetype: string;
}

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
	/** A contact writes; resolves to the message's full id once it is in the chat. */
	receive(session: string, message: IncomingProbe): Promise<string>;
	/** The engine forgets its files, as it does by itself after some minutes. */
	forgetFiles(session: string): Promise<void>;
	/** What the engine got of the file of a sent message. */
	sentFile(session: string, messageId: string): SentFile | undefined;
	/** Chats in which contacts see us typing now. */
	typingIn(session: string): readonly string[] | Promise<readonly string[]>;
	/** How many files the engine is sending at this moment; absent where files do not travel. */
	readonly transfers?: () => number;
}

/** What the suite needs to know of an adapter. */
export interface EngineHarness {
	/** Makes the titles of several runs in one file differ. */
	readonly name: string;
	start(): Promise<EngineFixture>;
}

/** Declares a test on a fixture of its own. */
export type Declare = (title: string, body: (t: ExecutionContext, fixture: EngineFixture) => Promise<void>) => void;

export function declareWith(test: TestFn, harness: EngineHarness): Declare {
	return (title, body) => {
		test(`${harness.name}: ${title}`, async (t) => {
			await using fixture = await harness.start();
			await body(t, fixture);
		});
	};
}

/** A recipient that any engine reaches: not one of the simulator's test numbers. */
export const CHAT = '15550001111@c.us';

export function newSession(): string {
	return newSessionName(randomUUID());
}

/** A deadline that no test should meet. */
export function inTime(): AbortSignal {
	return AbortSignal.timeout(10_000);
}

/** A session that shows its QR code. */
export async function openSession(fixture: EngineFixture): Promise<string> {
	const session = newSession();
	await fixture.engine.sessions.ensure(session, fixture.configOf(session));
	await reach(fixture, session, 'SCAN_QR_CODE');
	return session;
}

export async function linkedSession(fixture: EngineFixture): Promise<string> {
	const session = await openSession(fixture);
	await fixture.link(session);
	await reach(fixture, session, 'WORKING');
	return session;
}

export async function reach(fixture: EngineFixture, session: string, status: SessionStatus): Promise<EngineSession> {
	return eventually(async () => {
		await fixture.settle();
		const found = await fixture.engine.sessions.find(session);
		if (found?.status !== status) {
			throw new Error(`${session} is ${found?.status ?? 'unknown'} and not ${status}`);
		}
		return found;
	});
}

export interface SendOptions {
	readonly chatId?: string;
	readonly text?: string;
	/** Default a text. */
	readonly content?: OutboundMessage<OpenFile>['content'];
	readonly replyTo?: string;
	readonly mentions?: readonly string[];
	readonly key?: string;
	readonly signal?: AbortSignal;
}

export function send(fixture: EngineFixture, session: string, options: SendOptions = {}): Promise<SendResult> {
	const {chatId = CHAT, text = 'Hi there!', content, replyTo, mentions, signal} = options;
	const message: OutboundMessage<OpenFile> = {
		chatId,
		content: content ?? {kind: 'text', text},
		...(replyTo !== undefined && {replyTo}),
		...(mentions !== undefined && {mentions}),
	};
	return fixture.engine.messages.send(session, message, options.key ?? newKey(), signal ?? inTime());
}

export function newKey(): string {
	return clientMessageId(randomUUID());
}

/** The full id of a message that was sent. */
export async function sentId(fixture: EngineFixture, session: string, options: SendOptions = {}): Promise<string> {
	const {id} = await send(fixture, session, options);
	if (id === null) throw new Error('the engine tells no id');
	return id;
}

/** A file of these bytes, in several pieces. */
export function fileOf(bytes: Uint8Array, mimetype: string, filename: string): OpenFile {
	return {mimetype, filename, sizeBytes: bytes.length, open: () => piecesOf(bytes)};
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
	const size = Math.ceil(bytes.length / 3);
	for (let start = 0; start < bytes.length; start += size) {
		yield await Promise.resolve(bytes.subarray(start, start + size));
	}
}

/** Sends one more and finds that nothing else ever went out. */
export async function onlyGoesOut(t: ExecutionContext, fixture: EngineFixture, session: string): Promise<void> {
	const {id} = await send(fixture, session, {text: 'the only one'});
	await eventNamed(fixture, session, 'message.any', ({body}) => body === 'the only one');
	const sent = fixture.events(session).filter(({event}) => event === 'message.any');
	t.deepEqual(sent.map(idOf), [id]);
}

export async function fails(t: ExecutionContext, call: Promise<unknown>, ...codes: EngineErrorCode[]): Promise<void> {
	const error = await t.throwsAsync(call, {instanceOf: EngineError});
	if (error instanceof EngineError) {
		t.true(codes.includes(error.code), `${error.code} and not ${codes.join(' or ')}: ${error.message}`);
		t.is(error.sideEffect, 'none');
	}
}

export type Payload = Readonly<Record<string, unknown>>;

export async function eventNamed(
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

/** The payload of the message that has this key, whatever form its id has. */
export async function messageReported(fixture: EngineFixture, session: string, id: string): Promise<Payload> {
	const key = messageKeyOf(id);
	const event = await eventNamed(
		fixture,
		session,
		'message.any',
		(payload) => messageKeyOf(String(payload['id'])) === key,
	);
	return event.payload as Payload;
}

/** Engines may deliver in parallel: their own time orders events, not the arrival. */
export function inEngineOrder(events: readonly UpstreamEvent[]): readonly UpstreamEvent[] {
	return events.toSorted((left, right) => left.timestampMs - right.timestampMs);
}

export function idOf({payload}: UpstreamEvent): string | undefined {
	return (payload as {id?: string}).id;
}
