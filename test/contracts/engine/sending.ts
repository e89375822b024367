import {createHash} from 'node:crypto';
import {isEventName} from '../../../domain/events/vocabulary.ts';
import {messageKeyOf} from '../../../domain/messaging/message-id.ts';
import type {OpenFile} from '../../../domain/messaging/outbound.ts';
import {eventually} from '../../support/eventually.ts';
import {SAMPLE_CONTENT} from './sample-content.ts';
import {
	eventNamed,
	fails,
	fileOf,
	idOf,
	inEngineOrder,
	linkedSession,
	messageReported,
	newKey,
	newSession,
	onlyGoesOut,
	reach,
	send,
	sentId,
	type Declare,
	type EngineFixture,
	type Payload,
} from './fixture.ts';

/** Sending, and what comes back of it. */
export function sendingContract(declare: Declare): void {
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

	declare('a sent text has a result', async (t, fixture) => {
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
		t.is(replyTo?.id, messageKeyOf(quoted.id ?? ''));
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

	for (const [kind, content] of Object.entries(SAMPLE_CONTENT)) {
		declare(`a ${kind} is sent, or refused as the capabilities say`, async (t, fixture) => {
			const session = await linkedSession(fixture);
			if (fixture.engine.capabilities()[`send.${content.kind}`].level === 'no') {
				await fails(t, send(fixture, session, {content}), 'NOT_SUPPORTED');
				await onlyGoesOut(t, fixture, session);
				return;
			}
			const id = await sentId(fixture, session, {content});
			t.regex(id, /^true_15550001111@c\.us_[0-9A-F]{16,32}$/);
			const payload = await messageReported(fixture, session, id);
			t.like(payload, {id, fromMe: true, source: 'api', hasMedia: 'file' in content});
			if ('file' in content) {
				const {file} = content;
				const sha256 = createHash('sha256').update(file.bytes).digest('hex');
				t.like(fixture.sentFile(session, id), {sha256, sizeBytes: file.bytes.length, mimetype: file.mimetype});
			}
			if ('caption' in content) t.is(payload['body'], content.caption);
		});
	}

	declare('groups, channels and people who are known by @lid only can be written to', async (t, fixture) => {
		const session = await linkedSession(fixture);
		for (const chatId of ['120363000000000001@g.us', '120363000000000002@newsletter', '123123123123123@lid']) {
			const id = await sentId(fixture, session, {chatId});
			t.true(id.startsWith(`true_${chatId}_`), id);
			t.like(await messageReported(fixture, session, id), {body: 'Hi there!', fromMe: true});
		}
	});

	declare('a picture can quote and mention', async (t, fixture) => {
		const table = fixture.engine.capabilities();
		if (['reply', 'mentions', 'send.image'].some((operation) => table[operation as 'reply'].level === 'no')) {
			t.pass('the capabilities say so');
			return;
		}
		const session = await linkedSession(fixture);
		const quoted = await sentId(fixture, session);
		const content = {...SAMPLE_CONTENT.image, caption: 'look @15550003333'};
		const id = await sentId(fixture, session, {content, replyTo: quoted, mentions: ['15550003333@c.us']});
		const {replyTo} = await messageReported(fixture, session, id);
		t.is((replyTo as Payload | null)?.['id'], messageKeyOf(quoted));
	});

	declare('a file that fails while it is read is not sent', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const failure = new Error('the disk is gone');
		const file = brokenFile(() => {
			throw failure;
		});
		await t.throwsAsync(send(fixture, session, {content: {kind: 'document', file, caption: null}}));
		await onlyGoesOut(t, fixture, session);
	});

	declare('a file whose send is called off while it is read is not sent', async (t, fixture) => {
		const session = await linkedSession(fixture);
		const caller = new AbortController();
		const file = brokenFile(() => {
			caller.abort();
		});
		const content = {kind: 'document', file, caption: null} as const;
		await t.throwsAsync(send(fixture, session, {content, signal: caller.signal}));
		await onlyGoesOut(t, fixture, session);
	});

	declare('a key that was asked for is honoured by every kind, where the capabilities say yes', async (t, fixture) => {
		const table = fixture.engine.capabilities();
		const session = await linkedSession(fixture);
		for (const content of Object.values(SAMPLE_CONTENT)) {
			if (table[`send.${content.kind}`].level !== 'no' && table['client-message-id'].level === 'yes') {
				const key = newKey();
				t.is(messageKeyOf(await sentId(fixture, session, {content, key})), key, content.kind);
			}
		}
		t.pass();
	});
}

/** Calls back after its first piece, and goes on for as long as it is read. */
function brokenFile(act: () => void): OpenFile {
	const piece = Buffer.alloc(1024);
	return {
		...fileOf(piece, 'text/plain', 'endless.txt'),
		sizeBytes: 50 * piece.length,
		open: async function* () {
			for (let count = 0; count < 50; count++) {
				yield await Promise.resolve(piece);
				if (count === 0) act();
			}
		},
	};
}

/** The acks of one message, in the engine's order. */
function acksOf(fixture: EngineFixture, session: string, id: string | null): readonly Payload[] {
	return inEngineOrder(fixture.events(session))
		.filter((event) => event.event === 'message.ack' && idOf(event) === id)
		.map(({payload}) => payload as Payload);
}
