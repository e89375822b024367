import test from 'ava';
import type {ErrorBody} from '../../gateway/http/error-body.ts';
import {ApiContract, type DocumentedOperation, type ReadAnswer} from '../support/api-contract.ts';
import {buySlots} from '../support/buy-slots.ts';
import {DocumentedWorld, type ReadyRequest} from '../support/documented-world.ts';
import {FakeStripe} from '../support/fake-stripe.ts';
import {createGatewayHarness} from '../support/gateway-harness.ts';

// Every operation of the OpenAPI document, called with its example and with bad input; each answer must be one that it documents.

const stripe = await FakeStripe.start();
const gateway = await createGatewayHarness({env: stripe.env});
const contract = await ApiContract.load(gateway.url);
const world = await DocumentedWorld.create(gateway);
await buySlots(world.admin, stripe, 1);

test.after.always(async () => {
	await world[Symbol.asyncDispose]();
	await gateway[Symbol.asyncDispose]();
	await stripe[Symbol.asyncDispose]();
});

const NO_TOKEN = {authorization: ''};

async function call(
	{method}: DocumentedOperation,
	{path, body}: ReadyRequest,
	headers: Record<string, string> = {},
): Promise<ReadAnswer> {
	const response = await fetch(gateway.url + path, {
		method: method.toUpperCase(),
		headers: {authorization: `Bearer ${world.admin.token}`, 'content-type': 'application/json', ...headers},
		...(body !== undefined && {body: typeof body === 'string' ? body : JSON.stringify(body)}),
	});
	return {status: response.status, headers: response.headers, text: await readText(response)};
}

/** Of a stream, which does not end, only what comes first. */
async function readText(response: Response): Promise<string> {
	if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) return response.text();
	const reader = response.body?.getReader();
	const first = await reader?.read();
	await reader?.cancel();
	return Buffer.from(first?.value ?? []).toString();
}

const needsToken = ({operation}: DocumentedOperation): boolean => operation.security.length > 0;

/** A value of every type that JSON has. */
const VALUES: readonly unknown[] = [
	'',
	'x',
	'x'.repeat(100_000),
	0,
	-1,
	1e308,
	true,
	false,
	{},
	[],
	{a: {b: []}},
	[null],
	null,
];

for (const operation of contract.operations) {
	const {id, operation: about} = operation;

	test(`${id}: its example works`, async (t) => {
		const answer = await call(operation, await world.request(operation));
		t.true(answer.status < 300, `${answer.status} ${answer.text.slice(0, 500)}`);
		t.true(String(answer.status) in about.responses);
		t.deepEqual(contract.faultsOfAnswer(operation, answer), []);
	});

	if (!needsToken(operation)) continue;

	test(`${id}: without a token, and with ids that do not exist, it is refused as documented`, async (t) => {
		const request = await world.request(operation);
		for (const authorization of ['', 'Bearer', 'Basic eDp5', 'Bearer wh_nonsense', 'Bearer a.b.c']) {
			const answer = await call(operation, request, {...NO_TOKEN, authorization});
			t.is(answer.status, 401, authorization);
			t.deepEqual(contract.faultsOfAnswer(operation, answer), []);
		}
		if (!operation.path.includes('{id}')) return;
		for (const garbage of [
			'x',
			'%00',
			'%F0%9F%92%A9',
			'..%2f..%2fetc',
			'3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15',
			"'%20OR%201",
		]) {
			const path = operation.path.replace('{id}', garbage).replaceAll(/\{\w+\}/g, 'x');
			const answer = await call(operation, {path, body: request.body});
			t.is(answer.status, 404, `${path} ${answer.text}`);
			t.deepEqual(contract.faultsOfAnswer(operation, answer), []);
		}
		const path = operation.path.replace('{id}', '%E0%A4%A').replaceAll(/\{\w+\}/g, 'x');
		t.is((await call(operation, {path, body: undefined})).status, 400, 'a path that is encoded wrongly');
	});

	if (operation.path.includes('{id}')) {
		test(`${id}: another tenant's id is 403, before anything of the body is looked at`, async (t) => {
			const stranger = await gateway.createTenant();
			const {path, body: example} = await world.request(operation);
			for (const body of example === undefined ? [undefined] : [example, '{']) {
				const answer = await call(operation, {path, body}, {authorization: `Bearer ${stranger.token}`});
				t.is(answer.status, 403, answer.text);
				t.deepEqual(contract.faultsOfAnswer(operation, answer), []);
			}
		});
	}

	if (about.parameters.some((parameter) => parameter.in === 'query')) {
		test(`${id}: bad values in its query are clear 4xx`, async (t) => {
			const {path} = await world.request(operation);
			for (const {name, in: place, schema} of about.parameters) {
				if (place !== 'query') continue;
				for (const value of ['', 'x', '-1', '1e9', '0x10', '%00', '%ED%A0%80', '1&', '[]=1', 'true']) {
					const answer = await call(operation, {path: `${path}?${name}=${value}`, body: undefined});
					t.true(answer.status < 500, `${name}=${value}: ${answer.text}`);
					t.deepEqual(contract.faultsOfAnswer(operation, answer), [], `${name}=${value}`);
				}
				if (schema['type'] === 'integer') {
					t.is((await call(operation, {path: `${path}?${name}=x`, body: undefined})).status, 400);
				}
			}
		});
	}

	const {body} = operation;
	if (body === undefined) continue;

	const {required = [], properties = {}} = body.schema as {
		required?: readonly string[];
		properties?: Readonly<Record<string, object>>;
	};

	for (const name of required) {
		test(`${id}: a body without ${name} is a 400 that says so`, async (t) => {
			const request = await world.request(operation);
			for (const broken of [without(request.body, name), {...(request.body as object), [name]: null}]) {
				const answer = await call(operation, {...request, body: broken});
				t.is(answer.status, 400, `${name}: ${answer.text}`);
				t.deepEqual(contract.faultsOfAnswer(operation, answer), []);
				const {message} = JSON.parse(answer.text) as ErrorBody;
				t.true(
					[message].flat().every((text) => text.length > 5 && text !== 'Invalid input'),
					String(message),
				);
			}
		});
	}

	test(`${id}: a wrong type in any field of its body is a clear 4xx`, async (t) => {
		const request = await world.request(operation);
		for (const name of Object.keys(properties)) {
			for (const value of VALUES) {
				const broken = {...(request.body as object), [name]: value};
				// Typing and pausing as a person does is tested elsewhere, and takes its time.
				if (name === 'skipPresence' && value !== true && typeof value === 'boolean') continue;
				if (name === 'skipPresence' && value === null) continue;
				const place = ['paths', operation.path, operation.method, 'requestBody', 'content', 'application/json'];
				const isWrong = contract.faults([...place, 'schema', 'properties', name], value).length > 0;
				const answer = await call(operation, {...request, body: broken});
				const shown = `${name} = ${JSON.stringify(value).slice(0, 50)}: ${answer.status} ${answer.text.slice(0, 200)}`;
				t.true(answer.status < 500 || answer.status === 501, shown);
				if (isWrong) t.true(answer.status >= 400, shown);
				t.deepEqual(contract.faultsOfAnswer(operation, answer), [], shown);
			}
		}
	});

	test(`${id}: a body that is no JSON object is a clear 4xx`, async (t) => {
		const request = await world.request(operation);
		for (const [text, status] of [
			['{', 400],
			['[]', 400],
			['"text"', 400],
			['17', 400],
			['{"a":1}{"b":2}', 400],
			['\u0000', 400],
		] as const) {
			const answer = await call(operation, {...request, body: text});
			t.is(answer.status, status, `${text}: ${answer.text}`);
			t.deepEqual(contract.faultsOfAnswer(operation, answer), []);
		}
		const typed = await call(operation, request, {'content-type': 'text/plain'});
		t.is(typed.status, 415);
		t.deepEqual(contract.faultsOfAnswer(operation, typed), []);
	});
}

test.after('nothing of it was an unhandled error', (t) => {
	t.deepEqual(
		gateway.log.entries.filter(({level}) => level === 'error'),
		[],
	);
});

function without(body: unknown, name: string): object {
	return Object.fromEntries(Object.entries(body as object).filter(([key]) => key !== name));
}
