/** A tenant's view of the REST API, for tests and tools: answers are read as JSON, failures throw with the body. */
export class ApiClient {
	readonly #base: string;
	readonly #token: string;

	/** @param url of the gateway, without `/api` */
	constructor(url: string, token: string) {
		this.#base = `${url}/api`;
		this.#token = token;
	}

	/** @throws on any status but 2xx */
	async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
		const response = await this.fetch(method, path, body, headers);
		const text = await response.text();
		if (!response.ok) {
			throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
		}
		return (text === '' ? null : JSON.parse(text)) as T;
	}

	/** The raw answer, whatever its status. */
	fetch(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
		return fetch(`${this.#base}${path}`, {
			method,
			headers: {authorization: `Bearer ${this.#token}`, 'content-type': 'application/json', ...headers},
			...(body !== undefined && {body: JSON.stringify(body)}),
		});
	}
}
