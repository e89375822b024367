import type {Route, TargetKind} from '../route.ts';
import type {JsonSchema} from './json-schema.ts';
import type {SchemaComponents} from './schema-components.ts';

/** A parameter object of OpenAPI. */
export interface Parameter {
	readonly name: string;
	readonly in: 'path' | 'query' | 'header';
	readonly required: boolean;
	readonly description?: string;
	readonly schema: JsonSchema;
	readonly example?: unknown;
}

const ID_EXAMPLE = '3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15';

const ID_OF: Partial<Record<TargetKind, string>> = {
	connection: 'The connection',
	webhook: 'The webhook',
};

const IDEMPOTENCY_KEY: Parameter = {
	name: 'Idempotency-Key',
	in: 'header',
	required: false,
	description: 'The same key and body within 24 hours give the same answer, and one WhatsApp message',
	schema: {type: 'string', minLength: 1, maxLength: 255},
	example: 'order-17',
};

const PREFER: Parameter = {
	name: 'Prefer',
	in: 'header',
	required: false,
	description: '`respond-async`: answer 202 at once, without waiting for the outcome',
	schema: {type: 'string'},
	example: 'respond-async',
};

const RANGE: Parameter = {
	name: 'Range',
	in: 'header',
	required: false,
	description: 'A part of the file',
	schema: {type: 'string'},
	example: 'bytes=0-1023',
};

const IF_NONE_MATCH: Parameter = {
	name: 'If-None-Match',
	in: 'header',
	required: false,
	description: 'The `ETag` of what is known already: 304 when it is still the same',
	schema: {type: 'string'},
	example: '"5d41402abc4b2a76b9719d911017c592"',
};

/** Everything that a route reads from path, query and headers. */
export function parametersOf(route: Route, components: SchemaComponents): readonly Parameter[] {
	const {idempotent, queued, answer} = route.documentation;
	return [
		...pathParameters(route),
		...queryParameters(route, components),
		...(idempotent === true ? [IDEMPOTENCY_KEY] : []),
		...(queued === true ? [PREFER] : []),
		...(answer.binary === true ? [RANGE, IF_NONE_MATCH] : []),
	];
}

function pathParameters({path, target, documentation: {params = {}}}: Route): readonly Parameter[] {
	return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
		name,
		in: 'path',
		required: true,
		description: params[name]?.description ?? ID_OF[target] ?? 'What it concerns',
		schema: {type: 'string'},
		example: params[name]?.example ?? ID_EXAMPLE,
	}));
}

function queryParameters({query}: Route, components: SchemaComponents): readonly Parameter[] {
	if (query === undefined) return [];
	return components.query(query).map(({name, required, schema: {description, examples, ...schema}}) => ({
		name,
		in: 'query',
		required,
		...(typeof description === 'string' && {description}),
		schema,
		...(Array.isArray(examples) && {example: examples[0] as unknown}),
	}));
}
