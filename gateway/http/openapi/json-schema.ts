/** A JSON Schema of OpenAPI 3.1 (2020-12), as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Keywords whose value is a schema, or a list of them. */
const OF_SCHEMAS = new Set(['items', 'anyOf', 'oneOf', 'allOf', 'not', 'additionalProperties', 'prefixItems']);
/** Keywords whose value holds schemas by name. */
const BY_NAME = new Set(['properties', 'patternProperties']);

/** The same schema with `change` applied to each schema in it, innermost first. */
export function mapSchema(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
	const entries = Object.entries(schema).map(([keyword, value]) => {
		if (OF_SCHEMAS.has(keyword)) {
			return [keyword, Array.isArray(value) ? value.map((item) => mapIf(item, change)) : mapIf(value, change)];
		}
		if (BY_NAME.has(keyword)) {
			const named = Object.entries(value as Record<string, unknown>);
			return [keyword, Object.fromEntries(named.map(([name, item]) => [name, mapIf(item, change)]))];
		}
		return [keyword, value];
	});
	return change(Object.fromEntries(entries) as JsonSchema);
}

function mapIf(value: unknown, change: (schema: JsonSchema) => JsonSchema): unknown {
	return typeof value === 'object' && value !== null ? mapSchema(value as JsonSchema, change) : value;
}
