import type {ApiClient} from './api-client.ts';
import {eventually} from './eventually.ts';
import type {FakeWaha} from './fake-waha.ts';

export interface LinkedConnection {
	readonly id: string;
	readonly sessionName: string;
	readonly status: string;
}

/** Creates a connection and scans its QR code. */
export async function linkConnection(client: ApiClient, waha: FakeWaha): Promise<LinkedConnection> {
	const created = await client.call<LinkedConnection>('POST', '/connections', {name: 'e2e'});
	await eventually(() => waha.session(created.sessionName).status === 'SCAN_QR_CODE');
	waha.scan(created.sessionName);
	return eventually(async () => {
		const connection = await client.call<LinkedConnection>('GET', `/connections/${created.id}`);
		return connection.status === 'connected' && connection;
	});
}
