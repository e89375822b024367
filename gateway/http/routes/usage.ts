import {z} from 'zod';
import type {Usage, UsageReport} from '../../../domain/billing/usage-report.ts';
import {presentUsage, toCsv, UsageResource} from '../resources/usage.ts';
import {ok, route, type Answer, type Route} from '../route.ts';

/** A day; of a moment, its day in UTC, which has to be in a year of four digits as well. */
function day(field: string): z.ZodType<string, string> {
	const fault = `${field} must be a day such as 2026-11-22`;
	return z
		.union([z.iso.date(fault), z.iso.datetime({offset: true, error: fault})], fault)
		.transform((value) => new Date(value).toISOString().split('T')[0] ?? '')
		.refine((date) => date.length === '2026-11-22'.length, fault)
		.meta({type: 'string', format: 'date'});
}

const UsageQuery = z.object({
	from: day('from').exactOptional(),
	to: day('to').exactOptional(),
	format: z.enum(['json', 'csv'], 'format must be json or csv').exactOptional(),
});

/** What connections were used for. */
export function usageRoutes({usage}: {usage: UsageReport}): readonly Route[] {
	return [
		route({
			method: 'GET',
			path: '/billing/usage',
			target: 'account',
			scope: 'read',
			query: UsageQuery,
			documentation: {
				id: 'getUsage',
				tag: 'Billing',
				summary: 'Show what connections were used for',
				description:
					'Hours connected and messages by day (UTC) and connection, deleted ones included; this month unless `from` and `to` say otherwise. With `Accept: text/csv` or `format=csv` as a table.',
				answer: {
					status: 200,
					description: 'The first and the last day included',
					schema: UsageResource,
					csv: 'date,connectionId,hours,sent,received\r\n2026-11-22,3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15,23.75,12,30\r\n',
				},
			},
			handle: async ({user, query, header}) => {
				const {from, to, format} = query;
				const report = await usage.of(user.id, {from, to});
				return (format ?? preferredFormat(header('accept'))) === 'csv' ? csv(report) : ok(presentUsage(report));
			},
		}),
	];
}

/** Whoever takes JSON as well gets JSON, as ever. */
function preferredFormat(accept = ''): 'json' | 'csv' {
	return accept.includes('text/csv') && !accept.includes('application/json') ? 'csv' : 'json';
}

function csv(usage: Usage): Answer {
	const bytes = Buffer.from(toCsv(usage));
	return {
		status: 200,
		content: () => Promise.resolve(inOnePiece(bytes)),
		headers: {
			'Content-Type': 'text/csv; charset=utf-8; header=present',
			'Content-Disposition': `attachment; filename="usage-${usage.from}-${usage.to}.csv"`,
			'Content-Length': String(bytes.byteLength),
			Vary: 'Accept',
		},
	};
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
	yield await Promise.resolve(bytes);
}
