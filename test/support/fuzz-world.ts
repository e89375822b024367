import fc from 'fast-check';
import {randomUUID} from 'node:crypto';
import {ApiContract, type DocumentedOperation} from './api-contract.ts';
import {bodyOf} from './fuzz-values.ts';
import {
	createGatewayHarness,
	createLinkedConnection,
	type ConnectionView,
	type GatewayHarness,
} from './gateway-harness.ts';

/** Operations that wait for a session, or make more of them: enough to call them now and then. */
const SLOW = new Set([
	'createConnection',
	'getOrCreateConnection',
	'restartConnection',
	'simulatorScan',
	'requestPairingCode',
]);

/** After these a connection is of no more use: they get one of their own. */
const ENDING = new Set([
	'deleteConnection',
	'logoutConnection',
	'simulatorLogOut',
	'simulatorGoOffline',
	'simulatorRestrict',
	'simulatorChaos',
]);

/** What generated requests act on. */
export class FuzzWorld implements AsyncDisposable {
	readonly gateway: GatewayHarness;
	readonly contract: ApiContract;
	readonly token: string;
	readonly #linked: string;
	readonly #spare: string;
	readonly #webhook: string;
	readonly #sent: string;

	private constructor(options: {
		gateway: GatewayHarness;
		contract: ApiContract;
		token: string;
		linked: string;
		spare: string;
		webhook: string;
		sent: string;
	}) {
		this.gateway = options.gateway;
		this.contract = options.contract;
		this.token = options.token;
		this.#linked = options.linked;
		this.#spare = options.spare;
		this.#webhook = options.webhook;
		this.#sent = options.sent;
	}

	static async create(): Promise<FuzzWorld> {
		const gateway = await createGatewayHarness();
		const contract = await ApiContract.load(gateway.url);
		const tenant = await gateway.createTenant({user: {isAdmin: true}});
		const {client, token} = tenant;
		const {id: linked} = await createLinkedConnection(tenant);
		const {id: spare} = await client.call<ConnectionView>('POST', '/connections');
		const webhook = await client.call<{id: string}>('POST', `/connections/${linked}/webhooks`, {
			url: 'http://127.0.0.1:9/',
			events: ['none'],
		});
		const text = {chatId: '15550110000', text: 'Hello', skipPresence: true};
		const sent = await client.call<{id: string}>('POST', `/connections/${linked}/send`, text);
		return new FuzzWorld({gateway, contract, token, linked, spare, webhook: webhook.id, sent: sent.id});
	}

	/** Operations that take a token, the fast ones much more often. */
	operation(filter: (operation: DocumentedOperation) => boolean = () => true): fc.Arbitrary<DocumentedOperation> {
		const operations = this.contract.operations.filter(({operation}) => operation.security.length > 0).filter(filter);
		return fc.oneof(
			...operations.map((operation) => ({weight: SLOW.has(operation.id) ? 1 : 60, arbitrary: fc.constant(operation)})),
		);
	}

	/** A path with ids of what is there, mostly. */
	path({id, path}: DocumentedOperation): string {
		const values: Readonly<Record<string, string>> = {
			id: this.#idFor(id, path),
			chatId: '15550110000@c.us',
			contactId: '15550110000@c.us',
			messageId: this.#sent,
			filename: 'nothing.jpeg',
		};
		return path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => encodeURIComponent(values[name] ?? ''));
	}

	/**
	 * A body by the operation's schema. Nothing of it may lead out of this machine, and nothing in it may make a message wait for a
	 * person's pace.
	 */
	body({body, operation}: DocumentedOperation): fc.Arbitrary<Record<string, unknown>> {
		if (body === undefined) return fc.constant({});
		const isSend = operation.tags.includes('Messages');
		return bodyOf(body.schema).map((value) => {
			const entries = Object.entries(value).map(([name, field]) => [
				name,
				isFarAway(field) ? 'http://127.0.0.1:9/x' : field,
			]);
			const harmless = Object.fromEntries(entries) as Record<string, unknown>;
			const {skipPresence} = harmless;
			const waits = isSend && (skipPresence === undefined || skipPresence === null || skipPresence === false);
			const message =
				'messageId' in harmless &&
				typeof harmless['messageId'] === 'string' &&
				harmless['messageId'].startsWith('true_');
			return {...harmless, ...(waits && {skipPresence: true}), ...(message && {messageId: this.#sent})};
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.gateway[Symbol.asyncDispose]();
	}

	#idFor(operation: string, path: string): string {
		if (path.startsWith('/api/webhooks/')) return this.#webhook;
		if (path.startsWith('/api/connections/') || path.startsWith('/api/simulator/')) {
			return ENDING.has(operation) || SLOW.has(operation) ? this.#spare : this.#linked;
		}
		// Nobody's token or user: the caller's own must live on.
		return randomUUID();
	}
}

function isFarAway(value: unknown): boolean {
	return typeof value === 'string' && /^\s*https?:/i.test(value);
}
