import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {buffer} from 'node:stream/consumers';
import {WahaEngine} from '../../adapters/waha/waha-engine.ts';
import {WahaIngress} from '../../adapters/waha/waha-ingress.ts';
import {ingestionKey} from '../../domain/connections/session-name.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {EngineFixture} from '../contracts/whatsapp-engine.contract.ts';
import {FakeWaha, type FakeWahaOptions} from './fake-waha.ts';
import {ManualClock} from './manual-clock.ts';

const INGESTION_SECRET = 'ingestion-secret';

export interface WahaFixture extends EngineFixture {
	readonly engine: WahaEngine;
	readonly waha: FakeWaha;
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
	return {
		engine,
		waha,
		configOf: (session) => ({
			callbackUrl: `${receiverUrl}/${session}`,
			ingestionKey: ingestionKey(INGESTION_SECRET, session),
		}),
		link: (session) => {
			waha.scan(session);
			return Promise.resolve();
		},
		events: (session) => events.filter((event) => event.session === session),
		settle: () => Promise.resolve(),
		[Symbol.asyncDispose]: async () => {
			await waha[Symbol.asyncDispose]();
			engine[Symbol.dispose]();
			receiver.close();
			receiver.closeAllConnections();
		},
	};
}
