import {once} from 'node:events';
import {createServer, type IncomingHttpHeaders} from 'node:http';
import type {AddressInfo} from 'node:net';
import test from 'ava';
import {originOf, type ClientOrigin} from '../../gateway/ws/client-origin.ts';

/** What a server makes of a request with these headers, for each number of trusted proxies. */
async function origins(
	headers: IncomingHttpHeaders,
	...trustProxy: readonly number[]
): Promise<readonly ClientOrigin[]> {
	const found: ClientOrigin[] = [];
	const server = createServer((request, response) => {
		found.push(...trustProxy.map((proxies) => originOf(request, proxies)));
		response.end();
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const {port} = server.address() as AddressInfo;
	await (await fetch(`http://127.0.0.1:${port}`, {headers: headers as Record<string, string>})).text();
	server.close();
	return found;
}

test('an address is that of the connection, unless proxies in front may name another', async (t) => {
	const forwarded = {'x-forwarded-for': '6.6.6.6, 203.0.113.7 , 192.0.2.1'};
	t.deepEqual(
		(await origins(forwarded, 0, 1, 2, 3, 9)).map(({address}) => address),
		['127.0.0.1', '192.0.2.1', '203.0.113.7', '6.6.6.6', '6.6.6.6'],
	);
	t.is((await origins({}, 2))[0]?.address, '127.0.0.1');
	t.is((await origins({'x-forwarded-for': ''}, 1))[0]?.address, '127.0.0.1');
});

test('what a client says of itself is cut where it is long', async (t) => {
	t.is((await origins({'user-agent': 'x'.repeat(5000)}, 0))[0]?.agent?.length, 200);
	t.is((await origins({'user-agent': 'probe/1'}, 0))[0]?.agent, 'probe/1');
});
