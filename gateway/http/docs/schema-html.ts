import type {JsonSchema} from '../openapi/json-schema.ts';
import {escapeHtml, markdown} from './html.ts';

/** The fields of an object, as rows; nothing for what has none. */
export function fieldTable(schema: JsonSchema): string {
	const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
	if (properties.length === 0) return '';
	const required = (schema['required'] ?? []) as readonly string[];
	const rows = properties.map(([name, field]) => {
		const optional = required.includes(name) ? '' : ' <i>optional</i>';
		return `<tr><td><code>${escapeHtml(name)}</code>${optional}</td><td>${typeOf(field)}</td><td>${descriptionOf(field)}</td></tr>`;
	});
	return `<table>${rows.join('')}</table>`;
}

/** A type in words; components are links. */
export function typeOf(schema: JsonSchema): string {
	const reference = schema['$ref'];
	if (typeof reference === 'string') {
		const name = escapeHtml(reference.split('/').at(-1) ?? '');
		return `<a href="#schema-${name}">${name}</a>`;
	}
	if ('const' in schema) return literal(schema['const']);
	if (Array.isArray(schema['enum'])) return schema['enum'].map(literal).join(' | ');
	const alternatives = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonSchema[] | undefined;
	if (alternatives !== undefined) return alternatives.map(typeOf).join(' | ');
	if (schema['type'] === 'array') return `${typeOf((schema['items'] ?? {}) as JsonSchema)}[]`;
	if (schema['type'] === 'object' && schema['properties'] === undefined && isSchema(schema['additionalProperties'])) {
		return `{name: ${typeOf(schema['additionalProperties'])}}`;
	}
	const types = [schema['type'] ?? 'any'].flat().map(String).join(' | ');
	const format = schema['format'] ?? (schema['contentEncoding'] === undefined ? undefined : 'base64');
	return escapeHtml(typeof format === 'string' ? `${types} (${format})` : types);
}

function descriptionOf({description, examples}: JsonSchema): string {
	const text = typeof description === 'string' ? markdown(description) : '';
	return Array.isArray(examples) ? `${text}<p>such as ${literal(examples[0])}</p>` : text;
}

function literal(value: unknown): string {
	return `<code>${escapeHtml(JSON.stringify(value))}</code>`;
}

function isSchema(value: unknown): value is JsonSchema {
	return typeof value === 'object' && value !== null;
}
