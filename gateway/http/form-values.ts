import {z} from 'zod';

/** `on` is what a browser sends for a box that is ticked. */
const FLAGS: ReadonlyMap<string, boolean> = new Map([
	['true', true],
	['1', true],
	['on', true],
	['false', false],
	['0', false],
	['off', false],
]);

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;

/**
 * A form has nothing but texts: gives its flags and numbers the types of the schema; what is obviously neither stays a text, and is
 * refused as such. An empty flag or number is absent. Of a field that is there twice the last counts, as everywhere, unless it is a list.
 * @param form as a parser of forms left it
 */
export function readFormValues(schema: z.ZodObject, form: unknown): unknown {
	if (typeof form !== 'object' || form === null || Array.isArray(form)) {
		return form;
	}
	return Object.fromEntries(
		Object.entries(form).map(([name, value]: [string, unknown]) => {
			const field = Object.hasOwn(schema.shape, name)
				? withoutWrappers(schema.shape[name] as z.core.$ZodType)
				: undefined;
			return [name, field === undefined ? value : readValue(field, value)];
		}),
	);
}

function readValue(field: z.core.$ZodType, value: unknown): unknown {
	if (field instanceof z.ZodArray) {
		return value;
	}
	const last: unknown = Array.isArray(value) ? value.at(-1) : value;
	const isFlag = field instanceof z.ZodBoolean;
	if (typeof last !== 'string' || !(isFlag || isNumber(field))) {
		return last;
	}
	const text = last.trim();
	if (text === '') {
		return null;
	}
	return isFlag ? (FLAGS.get(text.toLowerCase()) ?? last) : NUMBER.test(text) ? Number(text) : last;
}

function isNumber(field: z.core.$ZodType): boolean {
	return (
		field instanceof z.ZodNumber ||
		(field instanceof z.ZodLiteral && [...field.values].every((value) => typeof value === 'number'))
	);
}

/** What is inside of optional fields. */
function withoutWrappers(field: z.core.$ZodType): z.core.$ZodType {
	return field instanceof z.ZodExactOptional ? withoutWrappers(field.unwrap()) : field;
}
