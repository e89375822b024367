import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {createServer, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {Readable} from 'node:stream';
import {exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK} from 'jose';

interface SigningKey {
	readonly algorithm: string;
	readonly privateKey: CryptoKey;
	readonly publicJwk: JWK;
}

/** What a JWT says beside its claims. */
export interface JwtOptions {
	/** Whose key signs; default the first one. */
	readonly kid?: string;
	/** What its header says instead. */
	readonly header?: Readonly<Record<string, unknown>>;
}

/** An identity provider with keys of its own, that hands out their public halves over HTTP and counts how often. */
export class IdentityProvider implements AsyncDisposable {
	readonly issuer = 'https://identity.example/auth/v1';
	readonly audience = 'authenticated';
	/** `away` cuts connections, `silent` never answers, `broken` answers 500, `nonsense` answers no key set, `endless` one without end, `elsewhere` another address. */
	mode: 'working' | 'away' | 'silent' | 'broken' | 'nonsense' | 'endless' | 'elsewhere' = 'working';
	/** Requests for the keys. */
	fetches = 0;
	/** By `kid`. */
	readonly #keys = new Map<string, SigningKey>();
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
		server.on('request', (_request, response: ServerResponse) => {
			this.#answer(response);
		});
	}

	/** With one key. */
	static async start(algorithm = 'ES256'): Promise<IdentityProvider> {
		const server = createServer().listen(0, '127.0.0.1');
		await once(server, 'listening');
		const provider = new IdentityProvider(server);
		await provider.addKey(algorithm);
		return provider;
	}

	get jwksUrl(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`;
	}

	/** What a gateway that takes its JWTs is configured with. */
	get settings(): {jwksUrl: string; issuer: string; audience: string} {
		return {jwksUrl: this.jwksUrl, issuer: this.issuer, audience: this.audience};
	}

	/** @returns its `kid` */
	async addKey(algorithm = 'ES256'): Promise<string> {
		const {privateKey, publicKey} = await generateKeyPair(algorithm);
		const kid = randomUUID();
		this.#keys.set(kid, {algorithm, privateKey, publicJwk: {...(await exportJWK(publicKey)), kid, alg: algorithm}});
		return kid;
	}

	/** It is published no more, but can still sign. */
	withdraw(kid: string): void {
		const key = this.#keys.get(kid);
		if (key !== undefined) this.#keys.set(kid, {...key, publicJwk: {}});
	}

	/** A JWT for an hour from now, of a new person unless `claims` say otherwise; undefined takes a claim off. */
	sign(claims: Readonly<Record<string, unknown>> = {}, {kid, header = {}}: JwtOptions = {}): Promise<string> {
		const [firstKid = ''] = this.#keys.keys();
		const usedKid = kid ?? firstKid;
		const key = this.#keys.get(usedKid);
		if (key === undefined) throw new Error(`there is no key ${usedKid}`);
		const payload = {
			sub: randomUUID(),
			aud: this.audience,
			iss: this.issuer,
			exp: Math.floor(Date.now() / 1000) + 3600,
			...claims,
		};
		const {privateKey, algorithm} = key;
		return new SignJWT(payload).setProtectedHeader({alg: algorithm, kid: usedKid, ...header}).sign(privateKey);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#server.close();
		this.#server.closeAllConnections();
		await Promise.resolve();
	}

	#answer(response: ServerResponse): void {
		this.fetches++;
		const keys = [...this.#keys.values()].map(({publicJwk}) => publicJwk).filter(({kid}) => kid !== undefined);
		switch (this.mode) {
			case 'working':
				response.setHeader('content-type', 'application/json').end(JSON.stringify({keys}));
				break;
			case 'away':
				response.destroy();
				break;
			case 'silent':
				break;
			case 'broken':
				response.writeHead(500).end('{"keys":[]}');
				break;
			case 'nonsense':
				response.end('<html>');
				break;
			case 'endless':
				response.write('{"keys":[');
				Readable.from(keysWithoutEnd(keys)).pipe(response);
				break;
			case 'elsewhere':
				response.writeHead(302, {location: '/jwks.json'}).end();
				break;
		}
	}
}

function* keysWithoutEnd(keys: readonly JWK[]): Iterable<string> {
	for (;;) yield `${JSON.stringify(keys).slice(1, -1)},`.repeat(100);
}
