import {eventually} from './eventually.ts';
import {createLinkedConnection, type ConnectionView, type GatewayHarness, type Tenant} from './gateway-harness.ts';
import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {Receiver} from './receiver.ts';
import {sampleEvent, sampleJob, sampleOutcome, T0} from './samples.ts';
import type {DocumentedOperation} from './api-contract.ts';

/** The smallest WebP picture: it also passes for a sticker. */
const PICTURE = Buffer.from('UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA', 'base64');

const CHAT = '15550110000@c.us';

/** A request that is ready to be sent. */
export interface ReadyRequest {
	readonly path: string;
	readonly body: unknown;
}

/**
 * An administrator with a linked connection, a webhook, messages and a file: what the ids in the examples of the OpenAPI document
 * stand for.
 */
export class DocumentedWorld implements AsyncDisposable {
	readonly admin: Tenant;
	readonly connection: ConnectionView;
	readonly #gateway: GatewayHarness;
	readonly #files: Receiver;
	/** A message of ours, one of the contact's and the name of its file. */
	readonly #sent: string;
	readonly #received: string;
	readonly #filename: string;
	readonly #streams: Response[] = [];

	private constructor(options: {
		gateway: GatewayHarness;
		admin: Tenant;
		files: Receiver;
		connection: ConnectionView;
		sent: string;
		received: {readonly id: string; readonly filename: string};
	}) {
		this.#gateway = options.gateway;
		this.admin = options.admin;
		this.#files = options.files;
		this.connection = options.connection;
		this.#sent = options.sent;
		this.#received = options.received.id;
		this.#filename = options.received.filename;
	}

	static async create(gateway: GatewayHarness): Promise<DocumentedWorld> {
		const admin = await gateway.createTenant({user: {isAdmin: true}});
		const connection = await createLinkedConnection(admin);
		const sent = await sendText(admin, connection.id);
		const received = await receivePicture(admin, connection.id);
		const files = await Receiver.http((_request, response) => {
			response.setHeader('content-type', 'image/webp').end(PICTURE);
		});
		return new DocumentedWorld({gateway, admin, files, connection, sent, received});
	}

	/** The example of an operation, with ids of what is really there; for an operation that ends something, something to end. */
	async request(operation: DocumentedOperation): Promise<ReadyRequest> {
		const id = await this.#targetOf(operation);
		const values: Readonly<Record<string, string>> = {
			id,
			chatId: CHAT,
			contactId: CHAT,
			filename: this.#filename,
			messageId: await this.#messageFor(operation),
		};
		const path = operation.path.replaceAll(/\{(\w+)\}/g, (_match, name: string) =>
			encodeURIComponent(values[name] ?? ''),
		);
		const body = operation.body?.example;
		if (typeof body !== 'object' || body === null) return {path, body};
		const file = {url: `${this.#files.url}/picture`, mediaUrl: `${this.#files.url}/picture`};
		const real = {...file, messageId: values['messageId']};
		const entries = Object.entries(body).map(([name, value]: [string, unknown]) => [
			name,
			// A webhook's address is never called here.
			name in real && !operation.path.includes('webhooks') ? real[name as keyof typeof real] : value,
		]);
		const sends = operation.operation.tags.includes('Messages');
		return {path, body: {...Object.fromEntries(entries), ...(sends && {skipPresence: true})}};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const stream of this.#streams) await stream.body?.cancel().catch(() => undefined);
		await this.#files[Symbol.asyncDispose]();
	}

	async #targetOf({id, path}: DocumentedOperation): Promise<string> {
		const {client} = this.admin;
		if (path.startsWith('/api/webhooks/')) {
			const body = {url: 'http://127.0.0.1:9/', events: ['none']};
			return (await client.call<{id: string}>('POST', `/connections/${this.connection.id}/webhooks`, body)).id;
		}
		if (path.startsWith('/api/events/{')) {
			return (await this.#logEvent()).id;
		}
		if (path.startsWith('/api/deliveries/')) {
			const {userId, connectionId, id: eventId} = await this.#logEvent();
			const body = {url: 'http://127.0.0.1:9/', events: ['none']};
			const webhook = await client.call<{id: string}>('POST', `/connections/${this.connection.id}/webhooks`, body);
			const outcome = sampleOutcome({userId, connectionId, eventId, webhookId: webhook.id, state: 'dead'});
			await this.#gateway.stores.deliveryStore.record([outcome]);
			return outcome.deliveryId;
		}
		if (path.startsWith('/api/jobs/')) {
			const of = {userId: this.admin.user.id, connectionId: this.connection.id};
			return (await this.#gateway.stores.jobStore.create(sampleJob(of))).id;
		}
		if (path.startsWith('/api/tokens/')) {
			return (await client.call<{id: string}>('POST', '/tokens', {name: 'to revoke'})).id;
		}
		if (path.startsWith('/api/ws/sessions/')) {
			return this.#openStream();
		}
		if (path.startsWith('/api/infrastructure/users/')) {
			return (await this.#gateway.createTenant()).user.id;
		}
		if (['simulatorScan', 'requestPairingCode', 'getQr'].includes(id)) {
			const created = await client.call<ConnectionView>('POST', '/connections');
			await eventually(async () => (await client.fetch('GET', `/connections/${created.id}/qr`)).ok);
			return created.id;
		}
		return ENDING.has(id) ? (await createLinkedConnection(this.admin)).id : this.connection.id;
	}

	/** Somebody to cut off the live stream. */
	async #openStream(): Promise<string> {
		const known = new Set((await this.#sessions()).map(({id}) => id));
		const stream = await this.admin.client.fetch('GET', '/events/stream');
		this.#streams.push(stream);
		const opened = (await this.#sessions()).find(({id}) => !known.has(id));
		if (opened === undefined) throw new Error('the stream is not listed');
		return opened.id;
	}

	#sessions(): Promise<readonly {readonly id: string}[]> {
		return this.admin.client.call('GET', '/ws/sessions');
	}

	async #logEvent(): Promise<NewLoggedEvent> {
		const event = sampleEvent({userId: this.admin.user.id, connectionId: this.connection.id});
		const {id, connectionId} = event;
		const envelope = {id, event: event.event, connectionId, session: 's', timestamp: T0.toISOString(), payload: {}};
		const logged = {...event, body: JSON.stringify(envelope)};
		await this.#gateway.stores.eventStore.append([logged]);
		return logged;
	}

	/** Changing a message needs one of ours that nothing has happened to yet. */
	async #messageFor({id}: DocumentedOperation): Promise<string> {
		if (id === 'getMessageMedia') return this.#received;
		return ['revokeMessage', 'editMessage', 'editMessageById'].includes(id)
			? sendText(this.admin, this.connection.id)
			: this.#sent;
	}
}

/** What a connection is not the same after. */
const ENDING = new Set([
	'deleteConnection',
	'logoutConnection',
	'restartConnection',
	'simulatorLogOut',
	'simulatorGoOffline',
	'simulatorGoOnline',
	'simulatorRestrict',
	'simulatorChaos',
]);

async function sendText({client}: Tenant, connectionId: string): Promise<string> {
	const body = {chatId: CHAT, text: 'Hello', skipPresence: true};
	return (await client.call<{id: string}>('POST', `/connections/${connectionId}/send`, body)).id;
}

async function receivePicture({client}: Tenant, connectionId: string): Promise<{id: string; filename: string}> {
	await client.call('POST', `/simulator/connections/${connectionId}/message-from`, {
		from: '15550110000',
		type: 'image',
	});
	const path = `/connections/${connectionId}/chats/${encodeURIComponent(CHAT)}/messages`;
	return eventually(async () => {
		const messages = await client.call<{id: string; hasMedia: boolean}[]>('GET', path);
		const found = messages.find(({hasMedia}) => hasMedia);
		if (found === undefined) throw new Error('the picture is not there yet');
		const filename = `${found.id.split('_').at(-1) ?? ''}.jpeg`;
		const {ok} = await client.fetch('HEAD', `/connections/${connectionId}/media/${filename}`);
		return ok && {id: found.id, filename};
	});
}
