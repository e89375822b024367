import {z} from 'zod';

const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;

interface LineOptions {
	/** Default 200. */
	readonly maxLength?: number;
	/** What is answered when the field is absent, `null`, empty or blank. Default: it may be any of them. */
	readonly required?: string;
}

/** A line of text, such as a name. Faults name the field. */
export function line(field: string, {maxLength = 200, required}: LineOptions = {}): z.ZodString {
	const wrongType = `${field} must be a string`;
	return z
		.string({error: ({input}) => (input === undefined ? (required ?? wrongType) : wrongType)})
		.min(required === undefined ? 0 : 1, required)
		.refine((value) => required === undefined || value.trim() !== '', required)
		.max(maxLength, `${field} must have at most ${maxLength} characters`)
		.refine(
			(value) => value.isWellFormed() && !CONTROL_CHARACTERS.test(value),
			`${field} must be one line of valid Unicode without control characters`,
		);
}

/** A whole number in a query, such as `?limit=20`. */
export function wholeNumber(field: string, minimum: number, maximum: number): z.ZodType<number, string> {
	const fault = `${field} must be a whole number from ${minimum} to ${maximum}`;
	return z
		.string(fault)
		.regex(/^\d{1,15}$/, fault)
		.transform(Number)
		.pipe(z.number().min(minimum, fault).max(maximum, fault))
		.meta({type: 'integer', minimum, maximum});
}

/** A flag of a body. */
export function flag(field: string): z.ZodBoolean {
	return z.boolean(`${field} must be a boolean value`);
}

/** A flag in a query, such as `?unread_only=true`. */
export function queryFlag(field: string): z.ZodType<boolean, string> {
	const fault = `${field} must be true or false`;
	return z
		.string(fault)
		.regex(/^(true|false|1|0)$/i, fault)
		.transform((value) => value === '1' || value.toLowerCase() === 'true')
		.meta({type: 'boolean'});
}

/** A moment in a query, such as `?from=2026-03-27T12:00:00Z`. */
export function timestamp(field: string): z.ZodType<Date, string> {
	return z.iso
		.datetime({offset: true, error: `${field} must be a time such as 2026-03-27T12:00:00Z`})
		.transform((value) => new Date(value))
		.meta({type: 'string', format: 'date-time'});
}
