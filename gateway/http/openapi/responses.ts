import {z} from 'zod';
import type {ErrorCode} from '../../../domain/errors.ts';
import {ERROR_CATALOGUE} from '../error-catalogue.ts';
import type {Route} from '../route.ts';
import {errorExample, ErrorResource, errorsOf, faultExample} from './errors.ts';
import type {JsonSchema} from './json-schema.ts';
import {sampleOf} from './sample.ts';
import type {SchemaComponents} from './schema-components.ts';

/** A response object of OpenAPI. */
export interface ResponseObject {
	readonly description: string;
	readonly headers?: Readonly<Record<string, JsonSchema>>;
	readonly content?: Readonly<Record<string, JsonSchema>>;
}

type Responses = Readonly<Record<string, ResponseObject>>;

interface Context {
	readonly components: SchemaComponents;
	readonly publicUrl: string;
}

const QueuedResource = z
	.object({
		commandId: z.string().meta({description: 'Id of the command; `GET …/messages/:messageId` tells what became of it'}),
		status: z.literal('queued'),
	})
	.meta({id: 'Queued'});

const header = (name: string): JsonSchema => ({$ref: `#/components/headers/${name}`});
const headers = (...names: readonly string[]): Readonly<Record<string, JsonSchema>> =>
	Object.fromEntries(names.map((name) => [name, header(name)]));

const ALWAYS = ['X-Request-Id', 'X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'];

/** What the headers of answers say, by name. */
export const RESPONSE_HEADERS: Readonly<Record<string, JsonSchema>> = {
	'Content-Range': {description: 'Which part of the file this is', schema: {type: 'string'}},
	ETag: {description: 'Changes with the file', schema: {type: 'string'}},
	Link: {description: 'The next page: `<url>; rel="next"`; absent on the last one', schema: {type: 'string'}},
	'Retry-After': {description: 'Seconds to wait', schema: {type: 'integer'}},
	'X-RateLimit-Limit': {description: 'Requests per minute', schema: {type: 'integer'}},
	'X-RateLimit-Remaining': {description: 'How many are left', schema: {type: 'integer'}},
	'X-RateLimit-Reset': {description: 'Seconds until all are back', schema: {type: 'integer'}},
	'X-Request-Id': {description: 'Yours, if you sent one, else a new one', schema: {type: 'string'}},
};

/** Every answer of a route, by status, with an example of each. */
export function responsesOf(route: Route, context: Context): Responses {
	return {...successes(route, context), ...failures(route, context)};
}

function successes(route: Route, {components}: Context): Responses {
	const {answer, queued} = route.documentation;
	const paged = route.query !== undefined && 'cursor' in route.query.shape;
	const shown = headers(...ALWAYS, ...(paged ? ['Link'] : []), ...(answer.binary === true ? ['ETag'] : []));
	const {status, description} = answer;
	return {
		[status]: {description, headers: shown, ...contentOf(route, components)},
		...(answer.binary === true && {
			206: {
				description: 'The part that `Range` asked for',
				headers: headers(...ALWAYS, 'ETag', 'Content-Range'),
				...contentOf(route, components),
			},
			304: {description: 'It is what `If-None-Match` knows', headers: headers(...ALWAYS, 'ETag')},
		}),
		...(queued === true && {
			202: {
				description: 'Accepted; the outcome comes later',
				headers: headers(...ALWAYS),
				content: {
					'application/json': {
						schema: components.answer(QueuedResource),
						example: {commandId: '3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15', status: 'queued'},
					},
				},
			},
		}),
	};
}

function contentOf({documentation: {answer}}: Route, components: SchemaComponents): Pick<ResponseObject, 'content'> {
	if (answer.binary === true) {
		return {content: {'*/*': {schema: {type: 'string', format: 'binary'}}}};
	}
	if (answer.stream === true) {
		return {content: {'text/event-stream': {schema: {type: 'string'}, example: answer.example}}};
	}
	if (answer.schema === undefined) return {};
	const schema = components.answer(answer.schema);
	const example = answer.example ?? sampleOf(schema, components);
	const csv = answer.csv === undefined ? {} : {'text/csv': {schema: {type: 'string'}, example: answer.csv}};
	return {content: {'application/json': {schema, example}, ...csv}};
}

function failures(route: Route, context: Context): Responses {
	const byStatus = Map.groupBy(errorsOf(route), (code) => ERROR_CATALOGUE[code].status);
	return Object.fromEntries([...byStatus].map(([status, codes]) => [status, failure(route, codes, context)]));
}

function failure(route: Route, codes: readonly ErrorCode[], {components, publicUrl}: Context): ResponseObject {
	const examples = codes.map((code) => {
		const message = code === 'VALIDATION_FAILED' ? faultExample(route) : undefined;
		const known = {$ref: `#/components/examples/${code}`};
		return [code, message === undefined ? known : {value: errorExample(code, publicUrl, message)}] as const;
	});
	const waits = codes.some((code) => ERROR_CATALOGUE[code].retryable);
	return {
		description: codes.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].meaning}`).join('\n\n'),
		headers: headers('X-Request-Id', ...(waits ? ['Retry-After'] : [])),
		content: {
			'application/json': {
				schema: {
					allOf: [components.answer(ErrorResource), {type: 'object', properties: {code: {enum: codes}}}],
				},
				examples: Object.fromEntries(examples),
			},
		},
	};
}
