import {Validator} from '@seriousme/openapi-schema-validator';
import test from 'ava';
import {z} from 'zod';
import {ERROR_CODES} from '../../domain/errors.ts';
import {ERROR_CATALOGUE} from '../../gateway/http/error-catalogue.ts';
import {createOpenApiDocument, type OpenApiDocument} from '../../gateway/http/openapi/document.ts';
import {ok, route, type Route} from '../../gateway/http/route.ts';
import {tenantRoutes} from '../../gateway/http/tenant-routes.ts';
import {ApiContract} from '../support/api-contract.ts';
import {createGatewayHarness, PUBLIC_URL} from '../support/gateway-harness.ts';

const gateway = await createGatewayHarness();
const contract = await ApiContract.load(gateway.url);
const {document, operations} = contract;

test.after.always(() => gateway[Symbol.asyncDispose]());

test('the document is valid OpenAPI 3.1', async (t) => {
	const {valid, errors} = await new Validator().validate(structuredClone<unknown>(document) as Record<string, unknown>);
	t.true(valid, JSON.stringify(errors));
	t.regex(document.openapi, /^3\.1\.\d+$/);
	t.deepEqual(document.servers, [{url: PUBLIC_URL}]);
});

test('it needs no token, may be read from any origin and has the same bytes every time', async (t) => {
	const fetchText = async (): Promise<string> => {
		const response = await fetch(`${gateway.url}/api/openapi.json`);
		t.is(response.status, 200);
		t.is(response.headers.get('access-control-allow-origin'), '*');
		return response.text();
	};
	const first = await fetchText();
	t.is(await fetchText(), first);
	const routes = tenantRoutes(gateway.dependencies, PUBLIC_URL);
	t.is(JSON.stringify(createOpenApiDocument({routes, publicUrl: PUBLIC_URL, version: '1.2.3'})), first);
});

test('every route is in it, and every operation has an id of its own', (t) => {
	const routes = tenantRoutes(gateway.dependencies, PUBLIC_URL);
	t.is(operations.length, routes.length + 3);
	t.is(new Set(operations.map(({id}) => id)).size, operations.length);
	for (const {path, method} of routes) {
		const documented = document.paths[`/api${path.replaceAll(/:(\w+)/g, '{$1}')}`];
		t.truthy(documented?.[method.toLowerCase() as 'get'], `${method} ${path}`);
	}
});

test('a body has an example, which is valid by its schema', (t) => {
	for (const {id, path, method, body} of operations) {
		if (body === undefined) continue;
		t.is(typeof body.example, 'object', id);
		const place = ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema'];
		t.deepEqual(contract.faults(place, body.example), [], id);
	}
});

test('every field of a body that may be absent may be null', (t) => {
	for (const {id, path, method, body} of operations) {
		const {properties = {}, required = []} = (body?.schema ?? {}) as {
			properties?: Record<string, unknown>;
			required?: string[];
		};
		for (const name of Object.keys(properties)) {
			const place = ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema', 'properties', name];
			t.is(contract.faults(place, null).length === 0, !required.includes(name), `${id} ${name}`);
		}
	}
});

test('every answer has an example, which is valid by its schema', (t) => {
	let errors = 0;
	for (const {id, path, method, operation} of operations) {
		for (const [status, {content}] of Object.entries(operation.responses)) {
			const media = content?.['application/json'];
			if (media === undefined) continue;
			const examples = examplesOf(media, document);
			t.true(examples.length > 0, `${id} ${status}`);
			errors += status >= '400' ? examples.length : 0;
			const place = ['paths', path, method, 'responses', status, 'content', 'application/json', 'schema'];
			for (const example of examples) t.deepEqual(contract.faults(place, example), [], `${id} ${status}`);
		}
	}
	t.true(errors > 5 * operations.length, 'every operation has several errors');
});

test('what is wrong with a body is exemplified in the words of the route itself', (t) => {
	const messageOf = (id: string): unknown => {
		const content = contract.get(id).operation.responses['400']?.content?.['application/json'];
		const examples = content?.['examples'] as Record<string, {value: {message: unknown}}>;
		return examples['VALIDATION_FAILED']?.value.message;
	};
	t.is(messageOf('createToken'), 'name is required');
	t.deepEqual(messageOf('createWebhook'), ['url must be a URL address', 'events must be an array']);
	t.is(messageOf('listConnections'), 'limit must be a whole number from 1 to 1000');
});

test('an error may only have a code that its operation documents', (t) => {
	const {path, method, operation} = contract.get('listConnections');
	const place = ['paths', path, method, 'responses', '403', 'content', 'application/json', 'schema'];
	const [example] = examplesOf(operation.responses['403']?.content?.['application/json'] ?? {}, document);
	t.deepEqual(contract.faults(place, example), []);
	t.not(contract.faults(place, {...(example as object), code: 'CONFLICT'}).length, 0);
	t.not(contract.faults(place, {...(example as object), extra: 1}).length, 0);
});

test('the catalogue is in the document, and all of it is answered somewhere', (t) => {
	t.deepEqual(Object.keys(document.components.examples), [...ERROR_CODES]);
	const answered = new Set<string>();
	for (const {operation} of operations) {
		for (const {content} of Object.values(operation.responses)) {
			for (const code of Object.keys(content?.['application/json']?.['examples'] ?? {})) answered.add(code);
		}
	}
	// These come where no operation is: an unknown route, the server's own limits, ingestion, the stream; the last one is told as INTERNAL.
	const elsewhere = [
		'ROUTE_NOT_FOUND',
		'REQUEST_TIMEOUT',
		'HEADERS_TOO_LARGE',
		'OVERLOADED',
		'FANOUT_UNAVAILABLE',
		'MESSAGE_MALFORMED',
	];
	t.deepEqual(
		ERROR_CODES.filter((code) => !answered.has(code) && !elsewhere.includes(code)),
		[],
	);
	for (const code of ERROR_CODES) t.true(ERROR_CATALOGUE[code].advice.length > 10, code);
});

test('parameters of paths and queries are told, with examples for those that are needed', (t) => {
	for (const {id, path, operation} of operations) {
		const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
		t.deepEqual(
			inPath.map(({name}) => `{${name}}`),
			path.match(/\{\w+\}/g) ?? [],
			id,
		);
		for (const {name, required, example} of operation.parameters) {
			if (required) t.truthy(example, `${id} ${name}`);
		}
	}
	const {parameters} = contract.get('sendText').operation;
	t.true(parameters.some(({name}) => name === 'Idempotency-Key'));
	t.true(parameters.some(({name}) => name === 'Prefer'));
	const limit = contract.get('listConnections').operation.parameters.find(({name}) => name === 'limit');
	t.deepEqual(limit?.schema, {type: 'integer', minimum: 1, maximum: 1000});
});

test('two different schemas of one name are a fault that is named', (t) => {
	const answering = (id: string, schema: z.ZodType): Route =>
		route({
			method: 'GET',
			path: `/${id}`,
			target: 'self',
			scope: 'read',
			documentation: {id, tag: 'Account', summary: id, answer: {status: 200, description: 'x', schema}},
			handle: () => Promise.resolve(ok({})),
		});
	const same = z.object({a: z.string()}).meta({id: 'SameName'});
	const create = (other: z.ZodType): OpenApiDocument =>
		createOpenApiDocument({
			routes: [answering('first', same), answering('second', z.array(other))],
			publicUrl: PUBLIC_URL,
			version: '1',
		});
	t.deepEqual(Object.keys(create(same).components.schemas), ['Error', 'Health', 'SameName']);
	const other = z.object({b: z.string()}).meta({id: 'SameName'});
	t.throws(() => create(other), {message: /two different schemas are called SameName/});
});

function examplesOf(media: Readonly<Record<string, unknown>>, {components}: OpenApiDocument): readonly unknown[] {
	if ('example' in media) return [media['example']];
	const examples = Object.entries((media['examples'] ?? {}) as Record<string, {value?: unknown}>);
	return examples.map(([code, {value}]) => value ?? components.examples[code]?.value);
}
