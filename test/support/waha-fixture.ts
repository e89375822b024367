import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {buffer} from 'node:stream/consumers';
import {WahaEngine} from '../../adapters/waha/waha-engine.ts';
import {WahaIngress} from '../../adapters/waha/waha-ingress.ts';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {SessionConfig} from '../../domain/ports/whatsapp-engine.ts';
import type {EngineFixture} from '../contracts/whatsapp-engine.contract.ts';
import type {FakeContent} from './fake-waha-content.ts';
import {FakeWaha, type FakeWahaOptions} from './fake-waha.ts';
import {eventually} from './eventually.ts';
import {ManualClock} from './manual-clock.ts';

const INGESTION_SECRET = 'ingestion-secret';

export interface WahaFixture extends EngineFixture {
	readonly engine: WahaEngine;
	readonly waha: FakeWaha;
	/** The adapter's; stands still. */
	readonly clock: ManualClock;
	/** Creates a session and links it. */
	linkSession(session: string): Promise<void>;
}

/** A fake WAHA, the adapter in front of it, and an endpoint that takes only what is signed with the session's key. */
export async function startWahaFixture(options: FakeWahaOptions = {}): Promise<WahaFixture> {
	const clock = new ManualClock(Date.now());
	const waha = await FakeWaha.start(options);
	const engine = new WahaEngine({
		baseUrl: waha.url,
		apiKey: waha.apiKey,
		clock,
		...(options.engine !== undefined && {engine: options.engine}),
	});
	const events: UpstreamEvent[] = [];
	const ingress = new WahaIngress({clock});
	const receiver = createServer((request, response) => {
		void buffer(request).then((body) => {
			const key = ingestionKey(INGESTION_SECRET, request.url?.slice(1) ?? '');
			const isSigned = ingress.verify(request.headers, body, key);
			if (isSigned) events.push(ingress.parse(body));
			response.writeHead(isSigned ? 200 : 401).end();
		});
	}).listen(0, '127.0.0.1');
	await once(receiver, 'listening');
	const receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
	const configOf = (session: string): SessionConfig => ({
		callbackUrl: `${receiverUrl}/${session}`,
		ingestionKey: ingestionKey(INGESTION_SECRET, session),
	});
	return {
		engine,
		waha,
		clock,
		configOf,
		linkSession: async (session) => {
			await engine.sessions.ensure(session, configOf(session));
			await eventually(() => waha.session(session).status === 'SCAN_QR_CODE');
			waha.scan(session);
			await eventually(() => waha.session(session).status === 'WORKING');
		},
		link: (session) => {
			waha.scan(session);
			return Promise.resolve();
		},
		events: (session) => events.filter((event) => event.session === session),
		settle: () => Promise.resolve(),
		receive: (session, {from, text, sizeBytes}) =>
			Promise.resolve(waha.receive(session, {from, content: contentOf(text, sizeBytes)}).id),
		forgetFiles: () => {
			waha.expireFiles();
			return Promise.resolve();
		},
		sentFile: (session, messageId) => {
			const content = waha.session(session).chats.find(messageId, false)?.content;
			if (content?.kind !== 'file') return undefined;
			const {bytes, mimetype} = content;
			return {sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), mimetype};
		},
		typingIn: (session) => [...waha.session(session).typingIn],
		transfers: () => waha.transfers,
		[Symbol.asyncDispose]: async () => {
			await waha[Symbol.asyncDispose]();
			engine[Symbol.dispose]();
			receiver.close();
			receiver.closeAllConnections();
		},
	};
}

function contentOf(text: string, sizeBytes: number | undefined): FakeContent {
	if (sizeBytes === undefined) return {kind: 'text', text};
	const [mimetype, filename] = ['application/octet-stream', 'data.bin'];
	return {kind: 'file', type: 'document', mimetype, filename, caption: text, bytes: randomBytes(sizeBytes)};
}
