import type {Route} from '../route.ts';
import {curlOf} from './curl.ts';
import type {JsonSchema} from './json-schema.ts';
import {parametersOf, type Parameter} from './parameters.ts';
import {responsesOf, type ResponseObject} from './responses.ts';
import type {SchemaComponents} from './schema-components.ts';

/** An operation object of OpenAPI. */
export interface Operation {
	/** Unique; SDKs are generated from it. */
	readonly operationId: string;
	readonly tags: readonly string[];
	readonly summary: string;
	readonly description: string;
	readonly parameters: readonly Parameter[];
	readonly requestBody?: {readonly required: boolean; readonly content: Readonly<Record<string, JsonSchema>>};
	readonly responses: Readonly<Record<string, ResponseObject>>;
	/** Scheme → the scopes that a token needs; none = no token. */
	readonly security: readonly Readonly<Record<string, readonly string[]>>[];
	readonly 'x-codeSamples': readonly {readonly lang: string; readonly label: string; readonly source: string}[];
}

const SCOPE_WORDS = {
	read: 'Needs the scope `read`.',
	send: 'Needs the scope `send`.',
	manage: 'Needs the scope `manage`.',
} as const satisfies Record<Route['scope'], string>;

/** How a route's path is written in OpenAPI: `/api/connections/{id}`. */
export function openApiPath({path}: Route): string {
	return `/api${path.replaceAll(/:(\w+)/g, '{$1}')}`;
}

/** Describes one route. */
export function toOperation(
	route: Route,
	{components, publicUrl}: {components: SchemaComponents; publicUrl: string},
): Operation {
	const {documentation: about, scope, target, method} = route;
	const parameters = parametersOf(route, components);
	const needs = `${SCOPE_WORDS[scope]}${target === 'admin' ? ' Administrators only.' : ''}`;
	const body = about.body;
	return {
		operationId: about.id,
		tags: [about.tag],
		summary: about.summary,
		description: about.description === undefined ? needs : `${about.description}\n\n${needs}`,
		parameters,
		...requestBody(route, components),
		responses: responsesOf(route, {components, publicUrl}),
		security: [{bearer: [scope]}],
		'x-codeSamples': [
			{
				lang: 'Shell',
				label: 'curl',
				source: curlOf({
					method,
					url: `${publicUrl}${openApiPath(route)}`,
					parameters,
					body,
					stream: about.answer.stream,
				}),
			},
		],
	};
}

function requestBody(route: Route, components: SchemaComponents): Pick<Operation, 'requestBody'> {
	if (route.body === undefined) return {};
	const schema = components.body(route.body);
	return {
		requestBody: {
			required: schema['required'] !== undefined,
			content: {'application/json': {schema, example: route.documentation.body}},
		},
	};
}
