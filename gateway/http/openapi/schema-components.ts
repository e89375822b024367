import {z} from 'zod';
import {mapSchema, type JsonSchema} from './json-schema.ts';

const PREFIX = '#/components/schemas/';

/** Turns zod schemas into those of OpenAPI 3.1. What has an id (`.meta({id})`) becomes a component, and a reference where it is used. */
export class SchemaComponents {
	readonly #schemas = new Map<string, JsonSchema>();

	/** By name, in alphabetical order. */
	get all(): Readonly<Record<string, JsonSchema>> {
		return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
	}

	/** What an answer looks like. */
	answer(schema: z.ZodType): JsonSchema {
		return this.#convert(schema, 'output');
	}

	/** What a body may look like: fields that may be absent may be `null` as well. */
	body(schema: z.ZodObject): JsonSchema {
		const {properties = {}, required = [], ...rest} = this.#convert(schema, 'input') as ObjectSchema;
		const fields = Object.entries(properties).map(([name, field]) => [
			name,
			required.includes(name) ? field : orNull(field),
		]);
		return {...rest, properties: Object.fromEntries(fields), ...(required.length > 0 && {required})};
	}

	/** The parameters of a query, by name. */
	query(schema: z.ZodObject): readonly {name: string; required: boolean; schema: JsonSchema}[] {
		const {properties = {}, required = []} = this.#convert(schema, 'input') as ObjectSchema;
		return Object.entries(properties).map(([name, field]) => ({
			name,
			required: required.includes(name),
			schema: field,
		}));
	}

	/** The schema that a reference means. @throws it means none */
	resolve(schema: JsonSchema): JsonSchema {
		const reference = schema['$ref'];
		if (typeof reference !== 'string') return schema;
		const found = this.#schemas.get(reference.slice(PREFIX.length));
		if (found === undefined) throw new Error(`${reference} leads nowhere`);
		return found;
	}

	#convert(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
		const {
			$schema: _schema,
			$defs = {},
			...root
		} = z.toJSONSchema(schema, {io, unrepresentable: 'any'}) as JsonSchema & {
			readonly $defs?: Readonly<Record<string, JsonSchema>>;
		};
		for (const [id, definition] of Object.entries($defs)) this.#keep(id, mapSchema(definition, tidy));
		return mapSchema(root, tidy);
	}

	#keep(id: string, schema: JsonSchema): void {
		const known = this.#schemas.get(id);
		if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
			throw new Error(`two different schemas are called ${id}: give each a name of its own`);
		}
		this.#schemas.set(id, schema);
	}
}

interface ObjectSchema {
	readonly properties?: Readonly<Record<string, JsonSchema>>;
	readonly required?: readonly string[];
}

/** Says nothing twice, and nothing that forbids what a later version may add. */
function tidy(schema: JsonSchema): JsonSchema {
	const {id: _id, example, pattern, additionalProperties, minimum, maximum, $ref, ...rest} = schema;
	return {
		...rest,
		...(typeof $ref === 'string' && {$ref: $ref.replace('#/$defs/', PREFIX)}),
		// Formats say it in one word.
		...(pattern !== undefined && rest['format'] === undefined && rest['type'] === 'string' && {pattern}),
		...(minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER && {minimum}),
		...(maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER && {maximum}),
		...(additionalProperties !== undefined && additionalProperties !== false && {additionalProperties}),
		...(example !== undefined && {examples: [example]}),
	};
}

function orNull(schema: JsonSchema): JsonSchema {
	const {description, examples, ...rest} = schema;
	const {type, anyOf} = rest;
	if (Array.isArray(anyOf) && (anyOf as readonly JsonSchema[]).some((one) => one['type'] === 'null')) {
		return schema;
	}
	const told = {...(description !== undefined && {description}), ...(examples !== undefined && {examples})};
	if (typeof type === 'string' && rest['enum'] === undefined && rest['const'] === undefined) {
		return {...told, ...rest, type: [type, 'null']};
	}
	return {...told, anyOf: [rest, {type: 'null'}]};
}
