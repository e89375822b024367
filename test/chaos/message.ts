import type {FakeWaha} from '../support/fake-waha.ts';

/** An incoming message as the engine posts it. @param n numbers it, in its payload too */
export function messageOf({n, from}: {n: number; from: string}): Parameters<FakeWaha['emit']>[1] {
	const now = Date.now();
	return {
		id: `evt_chaos_${n}`,
		timestamp: now,
		event: 'message',
		me: null,
		payload: {id: `false_${from}_${n}`, timestamp: Math.floor(now / 1000), from, fromMe: false, body: 'x', n},
		engine: 'NOWEB',
	};
}
