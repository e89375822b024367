import type {JsonSchema} from './json-schema.ts';
import type {SchemaComponents} from './schema-components.ts';

/** What stands for text of a format. */
const BY_FORMAT: Readonly<Record<string, string>> = {
	uuid: '3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15',
	'date-time': '2026-11-22T16:17:31.273Z',
	base64: 'iVBORw0KGgo=',
	uri: 'https://example.com/',
	email: 'jane@example.com',
};

/** An example of what a schema describes: its own examples where it has some, else something plausible. The same every time. */
export function sampleOf(schema: JsonSchema, components: SchemaComponents): unknown {
	const known = components.resolve(schema);
	if (Array.isArray(known['examples'])) return known['examples'][0] as unknown;
	if ('const' in known) return known['const'];
	if (Array.isArray(known['enum'])) return known['enum'][0] as unknown;
	const alternatives = (known['anyOf'] ?? known['oneOf']) as readonly JsonSchema[] | undefined;
	if (alternatives?.[0] !== undefined) return sampleOf(alternatives[0], components);
	if (Array.isArray(known['allOf'])) {
		const parts = (known['allOf'] as readonly JsonSchema[]).map((part) => sampleOf(part, components));
		return Object.assign({}, ...parts) as unknown;
	}
	return sampleOfType(known, components);
}

function sampleOfType(schema: JsonSchema, components: SchemaComponents): unknown {
	const type: unknown = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
	switch (type) {
		case 'string':
			return BY_FORMAT[String(schema['format'])] ?? 'text';
		case 'integer':
		case 'number':
			return schema['minimum'] ?? 1;
		case 'boolean':
			return true;
		case 'array':
			return [sampleOf((schema['items'] ?? {}) as JsonSchema, components)];
		case 'object':
			return sampleOfObject(schema, components);
		default:
			return null;
	}
}

function sampleOfObject(schema: JsonSchema, components: SchemaComponents): Record<string, unknown> {
	const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
	const named = properties.map(([name, field]) => [name, sampleOf(field, components)] as const);
	const others = schema['additionalProperties'] as JsonSchema | undefined;
	if (named.length === 0 && others !== undefined && Object.keys(others).length > 0) {
		return {example: sampleOf(others, components)};
	}
	return Object.fromEntries(named);
}
