import fc from 'fast-check';
import type {JsonSchema} from '../../gateway/http/openapi/json-schema.ts';

/** Text that has broken something somewhere. */
const NASTY_TEXTS = [
	'',
	' ',
	'\0',
	'a\0b',
	'\r\nX-Injected: 1',
	'\ud800',
	'\udfff\ud800',
	'\ufeff',
	'\u202e\u0000txt.exe',
	'__proto__',
	'constructor',
	'null',
	'NaN',
	'-1',
	'1e400',
	'../../etc/passwd',
	'..%2f..%2f',
	'%00',
	'%',
	"' OR 1=1 --",
	'${7*7}',
	'{"$gt":""}',
	'data:image/png;base64,AAAA',
	'15550110000@c.us',
	'@c.us',
	'120363025246125888@g.us',
	'status@broadcast',
	'true_15550110000@c.us_3EB0',
	'👩‍👩‍👧‍👦',
	'x'.repeat(300),
	'x'.repeat(70_000),
];

const nastyText = fc.oneof(
	{weight: 3, arbitrary: fc.constantFrom(...NASTY_TEXTS)},
	{weight: 1, arbitrary: fc.string({maxLength: 40, unit: 'binary'})},
);

/** Any JSON value, strange ones preferred. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
	{weight: 4, arbitrary: nastyText},
	{weight: 1, arbitrary: fc.constantFrom(null, true, false, 0, -0, -1, 1.5, 1e308, 2 ** 53, [], {}, [[]], {a: null})},
	{weight: 1, arbitrary: fc.jsonValue({maxDepth: 3})},
);

/** Mostly what a schema describes, sometimes anything. */
export function valueOf(schema: JsonSchema): fc.Arbitrary<unknown> {
	return fc.oneof({weight: 4, arbitrary: describedBy(schema)}, {weight: 1, arbitrary: anyValue});
}

function describedBy(schema: JsonSchema): fc.Arbitrary<unknown> {
	if ('const' in schema) return fc.constant(schema['const']);
	if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
	const alternatives = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonSchema[] | undefined;
	if (alternatives !== undefined) return fc.oneof(...alternatives.map(describedBy));
	const examples = Array.isArray(schema['examples']) ? (schema['examples'] as unknown[]) : [];
	const types = [schema['type'] ?? []].flat().map(String);
	const byType = types.map((type) => ofType(type, schema));
	return fc.oneof(...examples.map((example) => fc.constant(example)), ...(byType.length > 0 ? byType : [anyValue]));
}

function ofType(type: string, schema: JsonSchema): fc.Arbitrary<unknown> {
	switch (type) {
		case 'string':
			return fc.oneof(fc.string({maxLength: 30, unit: 'grapheme'}), nastyText);
		case 'integer':
			return fc.integer({
				min: (schema['minimum'] as number | undefined) ?? -5,
				max: (schema['maximum'] as number | undefined) ?? 1000,
			});
		case 'number':
			return fc.double({noNaN: true, noDefaultInfinity: true});
		case 'boolean':
			return fc.boolean();
		case 'array':
			return fc.array(valueOf((schema['items'] ?? {}) as JsonSchema), {maxLength: 4});
		case 'object':
			return bodyOf(schema);
		default:
			return fc.constant(null);
	}
}

/** An object by a schema: each field as described, wrong or absent, and now and then fields that nobody knows. */
export function bodyOf(schema: JsonSchema): fc.Arbitrary<Record<string, unknown>> {
	const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
	const required = (schema['required'] ?? []) as readonly string[];
	const fields = properties.map(([name, field]) => {
		const value = valueOf(field);
		// Mostly there when it is needed, so that many requests get past the first check.
		return [name, fc.option(value, {nil: undefined, freq: required.includes(name) ? 20 : 1})] as const;
	});
	const unknown = fc.oneof(
		{weight: 5, arbitrary: fc.constant({})},
		{
			weight: 1,
			arbitrary: fc.dictionary(fc.oneof(fc.string({maxLength: 8}), fc.constant('__proto__')), anyValue, {maxKeys: 3}),
		},
	);
	return fc.tuple(fc.record(Object.fromEntries(fields)), unknown).map(([known, more]) => ({
		...more,
		...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
	}));
}
