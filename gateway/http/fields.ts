import {z} from 'zod';

const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;

interface LineOptions {
	/** Default 200. */
	readonly maxLength?: number;
	/** What is answered when the field is absent, `null` or empty. Default: it may be empty. */
	readonly required?: string;
}

/** A line of text, such as a name. Faults name the field. */
export function line(field: string, {maxLength = 200, required}: LineOptions = {}): z.ZodString {
	const wrongType = `${field} must be a string`;
	return z
		.string({error: ({input}) => (input === undefined ? (required ?? wrongType) : wrongType)})
		.min(required === undefined ? 0 : 1, required)
		.max(maxLength, `${field} must have at most ${maxLength} characters`)
		.refine(
			(value) => value.isWellFormed() && !CONTROL_CHARACTERS.test(value),
			`${field} must be one line of valid Unicode without control characters`,
		);
}
