import {Ajv2020, type ValidateFunction} from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type {HttpMethod, OpenApiDocument} from '../../gateway/http/openapi/document.ts';
import type {JsonSchema} from '../../gateway/http/openapi/json-schema.ts';
import type {Operation} from '../../gateway/http/openapi/operation.ts';

/** One operation of the document, and where it is. */
export interface DocumentedOperation {
	readonly id: string;
	readonly method: HttpMethod;
	/** With `{name}` for parameters. */
	readonly path: string;
	readonly operation: Operation;
	/** Of the body, if there is one. */
	readonly body: {readonly schema: JsonSchema; readonly example: unknown} | undefined;
}

/** An answer, read to its end. */
export interface ReadAnswer {
	readonly status: number;
	readonly headers: Headers;
	readonly text: string;
}

/** The OpenAPI document of a gateway, as what its answers are held against. */
export class ApiContract {
	readonly document: OpenApiDocument;
	readonly operations: readonly DocumentedOperation[];
	readonly #ajv = addFormats.default(new Ajv2020({strict: false, allErrors: true, logger: false}));
	readonly #validators = new Map<string, ValidateFunction>();

	constructor(document: OpenApiDocument) {
		this.document = document;
		this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
			Object.entries(item).map(([method, operation]) => ({
				id: operation.operationId,
				method: method as HttpMethod,
				path,
				operation,
				body: operation.requestBody?.content['application/json'] as DocumentedOperation['body'],
			})),
		);
		this.#ajv.addSchema({$id: 'api', ...closed(document)}, 'api', false, false);
	}

	/** @param url of the gateway */
	static async load(url: string): Promise<ApiContract> {
		return new ApiContract((await (await fetch(`${url}/api/openapi.json`)).json()) as OpenApiDocument);
	}

	get(id: string): DocumentedOperation {
		const found = this.operations.find((operation) => operation.id === id);
		if (found === undefined) throw new Error(`there is no operation ${id}`);
		return found;
	}

	/** What is wrong with a value by the schema at a place of the document; empty when nothing is. */
	faults(place: readonly string[], value: unknown): readonly string[] {
		const pointer = place.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).map(encodeURIComponent);
		const reference = `api#/${pointer.join('/')}`;
		let validate = this.#validators.get(reference);
		if (validate === undefined) {
			validate = this.#ajv.compile({$ref: reference});
			this.#validators.set(reference, validate);
		}
		if (validate(value)) return [];
		return (validate.errors ?? []).map(
			({instancePath, message, params}) => `${instancePath} ${String(message)} ${JSON.stringify(params)}`,
		);
	}

	/** What is wrong with an answer: a status, a type or a body that the document does not have for this operation. */
	faultsOfAnswer(
		{path, method, operation}: DocumentedOperation,
		{status, headers, text}: ReadAnswer,
	): readonly string[] {
		const documented = operation.responses[String(status)];
		if (documented === undefined) return [`status ${status} is not documented: ${text.slice(0, 300)}`];
		const faults = headers.has('x-request-id') ? [] : ['no X-Request-Id'];
		const types = Object.keys(documented.content ?? {});
		// The one body that may be absent: nobody is linked.
		if (types.length === 0 || (text === '' && operation.operationId === 'getAccount')) {
			return text === '' ? faults : [...faults, 'a body where none is documented'];
		}
		if (types[0] === '*/*') return faults;
		if (types[0] === 'text/event-stream') {
			const type = String(headers.get('content-type'));
			return type.startsWith('text/event-stream') ? faults : [...faults, `content type ${type}`];
		}
		if (!(headers.get('content-type') ?? '').startsWith('application/json')) {
			return [...faults, `content type ${String(headers.get('content-type'))}`];
		}
		const place = ['paths', path, method, 'responses', String(status), 'content', 'application/json', 'schema'];
		return [...faults, ...this.faults(place, JSON.parse(text))];
	}
}

/** The same document, in which no object may have more fields than are documented. */
function closed(value: unknown, inAllOf = false): Record<string, unknown> {
	return close(value, inAllOf) as Record<string, unknown>;
}

function close(value: unknown, inAllOf: boolean): unknown {
	if (Array.isArray(value)) return value.map((item) => close(item, inAllOf));
	if (typeof value !== 'object' || value === null) return value;
	const entries = Object.entries(value).map(([key, item]) => [key, close(item, key === 'allOf')]);
	const result = Object.fromEntries(entries) as Record<string, unknown>;
	const isOpen = result['type'] === 'object' && 'properties' in result && !('additionalProperties' in result);
	return isOpen && !inAllOf ? {...result, additionalProperties: false} : result;
}
