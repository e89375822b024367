import {getEventListeners} from 'node:events';
import test from 'ava';
import {WahaHttp} from '../../adapters/waha/waha-http.ts';
import {Receiver} from '../support/receiver.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';

/** Far more than the sockets' buffers take while nobody reads. */
const LONG_TEXT = 'x'.repeat(16 * 1024 * 1024);

test('a server that answers before it has read the request leaves nothing behind that ends the process at the deadline', async (t) => {
	await using server = await Receiver.raw(ANSWER);
	using http = new WahaHttp({baseUrl: new URL(server.url).origin, apiKey: 'key', connectMs: 5000});
	const deadline = new AbortController();
	const answer = await http.exchange({method: 'POST', path: 'api/sessions', body: {text: LONG_TEXT}}, deadline.signal);
	t.is(answer.text, '{}');
	t.is(getEventListeners(deadline.signal, 'abort').length, 0);
	deadline.abort(new DOMException('too late', 'TimeoutError'));
});
