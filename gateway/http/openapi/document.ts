import {ERROR_CODES} from '../../../domain/errors.ts';
import {ERROR_CATALOGUE} from '../error-catalogue.ts';
import type {Route} from '../route.ts';
import {errorExample} from './errors.ts';
import {openApiPath, toOperation, type Operation} from './operation.ts';
import {RESPONSE_HEADERS} from './responses.ts';
import {SchemaComponents} from './schema-components.ts';
import {serviceOperations} from './service-operations.ts';
import type {JsonSchema} from './json-schema.ts';

export type HttpMethod = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** The parts of an OpenAPI 3.1 document that we write. */
export interface OpenApiDocument {
	readonly openapi: string;
	readonly info: Readonly<Record<string, unknown>>;
	readonly servers: readonly {readonly url: string}[];
	readonly tags: readonly {readonly name: string; readonly description: string}[];
	readonly paths: Readonly<Record<string, Readonly<Partial<Record<HttpMethod, Operation>>>>>;
	readonly components: {
		readonly securitySchemes: Readonly<Record<string, JsonSchema>>;
		readonly headers: Readonly<Record<string, JsonSchema>>;
		/** One of each error, by code. */
		readonly examples: Readonly<Record<string, {readonly summary: string; readonly value: unknown}>>;
		readonly schemas: Readonly<Record<string, JsonSchema>>;
	};
}

/** In the order in which one meets them. */
const TAGS = {
	Connections: 'WhatsApp numbers: create, link, restart, delete',
	Messages: 'Send, look up, edit, take back, forward, react',
	Presence: 'Read marks and typing',
	Chats: 'Chats, contacts and pictures',
	Media: 'The files of messages',
	Webhooks: 'Where events are posted, and what became of it',
	Events: 'The log of all events: pull them, look them up',
	Tokens: 'API tokens',
	Billing: 'Slots for connections, and what they were used for',
	Account: 'Who is calling',
	Admin: 'The whole installation',
	Simulator: 'Play the phone and its contacts; only where the engine is the simulator',
	Service: 'Health, and this document',
} as const satisfies Record<Route['documentation']['tag'] | 'Service', string>;

const DESCRIPTION = `Send \`Authorization: Bearer …\` with an API token (\`wh_…\`) or, where sign-in is set up, a JWT.

- **Bodies** are JSON. \`null\` means absent, unknown fields are ignored, an empty body is \`{}\`.
- **Errors** all have one shape; \`code\` is for programs and explained at the address in \`docs\`.
- **Lists** are arrays, ordered; where one is paged, the \`Link\` header leads to the next page.
- **Rate limits** hold per token and route and minute; \`X-RateLimit-Remaining\` tells what is left.
- **Sends** wait up to 25 s for their outcome, then answer 202 and go on. With an \`Idempotency-Key\` they can be repeated.
- **Times** of our own objects are ISO 8601 in UTC; inside of WhatsApp’s objects they are Unix seconds.`;

/** Describes the whole REST surface, made of what the routes themselves check and answer. The same routes give the same bytes. */
export function createOpenApiDocument({
	routes,
	publicUrl,
	version,
}: {
	routes: readonly Route[];
	/** Without a trailing slash. */
	publicUrl: string;
	version: string;
}): OpenApiDocument {
	const components = new SchemaComponents();
	const paths: Record<string, Partial<Record<HttpMethod, Operation>>> = {};
	for (const route of routes) {
		const operation = toOperation(route, {components, publicUrl});
		(paths[openApiPath(route)] ??= {})[route.method.toLowerCase() as HttpMethod] = operation;
	}
	Object.assign(paths, serviceOperations({components, publicUrl}));
	return {
		openapi: '3.1.1',
		info: {title: 'WAHooks gateway', version, description: DESCRIPTION, license: {name: 'MIT', identifier: 'MIT'}},
		servers: [{url: publicUrl}],
		tags: usedTags(paths),
		paths,
		components: {
			securitySchemes: {bearer: {type: 'http', scheme: 'bearer', description: 'An API token (`wh_…`) or a JWT'}},
			headers: RESPONSE_HEADERS,
			examples: errorExamples(publicUrl),
			schemas: components.all,
		},
	};
}

function errorExamples(publicUrl: string): OpenApiDocument['components']['examples'] {
	const examples = ERROR_CODES.map((code) => {
		const {meaning} = ERROR_CATALOGUE[code];
		return [code, {summary: meaning, value: errorExample(code, publicUrl)}] as const;
	});
	return Object.fromEntries(examples);
}

function usedTags(paths: OpenApiDocument['paths']): OpenApiDocument['tags'] {
	const used = new Set(Object.values(paths).flatMap((item) => Object.values(item).flatMap(({tags}) => tags)));
	return Object.entries(TAGS)
		.filter(([name]) => used.has(name))
		.map(([name, description]) => ({name, description}));
}
