import {z} from 'zod';
import {moment} from '../resources/moment.ts';
import {curlOf} from './curl.ts';
import type {Operation} from './operation.ts';
import type {ResponseObject} from './responses.ts';
import {sampleOf} from './sample.ts';
import type {SchemaComponents} from './schema-components.ts';

const AliveResource = z.object({status: z.literal('ok')});

const CheckResource = z.object({
	status: z.string().meta({example: 'ok'}),
	latency: z.number().meta({description: 'Milliseconds', example: 2}),
	error: z.string().exactOptional().meta({description: 'Why it is not'}),
});

const HealthResource = z
	.object({
		status: z.enum(['ok', 'degraded']),
		timestamp: moment,
		checks: z.record(z.string(), CheckResource).meta({
			description: 'By dependency',
			example: {broker: {status: 'ok', latency: 1}, database: {status: 'ok', latency: 1}},
		}),
	})
	.meta({id: 'Health'});

const DocumentResource = z.looseObject({openapi: z.string()});

/** What answers without a token and counts against no limit, by path. */
export function serviceOperations(context: {
	components: SchemaComponents;
	publicUrl: string;
}): Readonly<Record<string, {readonly get: Operation}>> {
	const operation = describe(context);
	return {
		'/api': {
			get: operation('/api', {
				operationId: 'getStatus',
				summary: 'Whether this process answers',
				answers: {200: ['It does', AliveResource]},
			}),
		},
		'/api/health': {
			get: operation('/api/health', {
				operationId: 'getHealth',
				summary: 'Whether everything that it depends on answers',
				answers: {200: ['All of it does', HealthResource], 503: ['Some of it does not', HealthResource]},
			}),
		},
		'/api/openapi.json': {
			get: operation('/api/openapi.json', {
				operationId: 'getOpenApi',
				summary: 'This document',
				answers: {200: ['OpenAPI 3.1', DocumentResource, {openapi: '3.1.1'}]},
			}),
		},
	};
}

interface ServiceOperation {
	readonly operationId: string;
	readonly summary: string;
	/** By status: description, schema and, where it cannot be made of the schema, an example. */
	readonly answers: Readonly<Record<number, readonly [string, z.ZodType, unknown?]>>;
}

function describe(context: {components: SchemaComponents; publicUrl: string}) {
	const {components, publicUrl} = context;
	return (path: string, {operationId, summary, answers}: ServiceOperation): Operation => ({
		operationId,
		tags: ['Service'],
		summary,
		description: 'Needs no token.',
		parameters: [],
		responses: Object.fromEntries(
			Object.entries(answers).map(([status, [description, resource, example]]): [string, ResponseObject] => {
				const schema = components.answer(resource);
				const content = {'application/json': {schema, example: example ?? sampleOf(schema, components)}};
				return [status, {description, headers: {'X-Request-Id': {$ref: '#/components/headers/X-Request-Id'}}, content}];
			}),
		),
		security: [],
		'x-codeSamples': [
			{
				lang: 'Shell',
				label: 'curl',
				source: curlOf({method: 'GET', url: publicUrl + path, parameters: [], authenticated: false}),
			},
		],
	});
}
