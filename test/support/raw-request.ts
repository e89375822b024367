import {once} from 'node:events';
import {request, type IncomingHttpHeaders, type IncomingMessage} from 'node:http';

export interface RawAnswer {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
}

/** A request whose path is sent as it is: `fetch` would tidy up dots. */
export async function rawRequest(
	url: string,
	path: string,
	{method = 'GET', headers = {}}: {method?: string; headers?: Readonly<Record<string, string>>} = {},
): Promise<RawAnswer> {
	const response = await openRequest(url, path, {method, headers});
	const chunks: Buffer[] = [];
	for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
	return {status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks)};
}

/** The start of an answer, with the body still to be read; `destroy()` ends the connection. */
export async function openRequest(
	url: string,
	path: string,
	{method = 'GET', headers = {}}: {method?: string; headers?: Readonly<Record<string, string>>} = {},
): Promise<IncomingMessage> {
	const {hostname, port} = new URL(url);
	const sent = request({hostname, port, path, method, headers, agent: false});
	sent.end();
	const [response] = (await once(sent, 'response')) as [IncomingMessage];
	return response;
}
