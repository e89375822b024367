import {z} from 'zod';
import {ValidationError} from '../../domain/errors.ts';

/**
 * Checks what a client sent. `null` means absent (except for fields whose schema takes it), no body means `{}`, unknown keys are dropped.
 * @param faults how the error's `message` tells several faults: one text, or the array that webhook clients expect
 * @throws {ValidationError}
 */
export function parse<Schema extends z.ZodObject>(
	schema: Schema,
	body: unknown,
	faults: 'text' | 'array' = 'text',
): z.output<Schema> {
	const result = schema.safeParse(withoutNulls(body ?? {}, schema));
	if (result.success) {
		return result.data;
	}
	const messages = [...new Set(result.error.issues.map(({message}) => message))];
	throw new ValidationError(faults === 'array' ? messages : messages.join('; '));
}

/** Clients in other languages send every optional key, as `null`. */
function withoutNulls(body: unknown, {shape}: z.ZodObject): unknown {
	if (typeof body !== 'object' || body === null || Array.isArray(body)) {
		throw new ValidationError('The body must be a JSON object');
	}
	const isSaid = ([name, value]: readonly [string, unknown]): boolean =>
		value !== null || (shape[name] instanceof z.ZodType && shape[name].safeParse(null).success);
	return Object.fromEntries(Object.entries(body).filter(isSaid));
}
