import {ValidationError} from '../errors.ts';

/** Far above any event. Receivers' parsers have limits of their own (PHP's: 512), and whoever writes JSON by recursion runs out of stack. */
const MAX_LEVELS = 500;

/** What an event says, as JSON. @throws {ValidationError} it is nested too deeply */
export function toEventJson(value: unknown): string {
	if (isDeeper(value, MAX_LEVELS)) {
		throw new ValidationError(`the event is nested more than ${MAX_LEVELS} levels deep`);
	}
	return JSON.stringify(value);
}

function isDeeper(value: unknown, levels: number): boolean {
	if (typeof value !== 'object' || value === null) {
		return false;
	}
	return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
