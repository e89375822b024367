import {z} from 'zod';
import type {ListPosition} from '../../domain/ports/page.ts';
import {wholeNumber} from './fields.ts';

const BAD_CURSOR = 'cursor is not one of ours: take it from the Link header of the page before';

/** `?limit=&cursor=`, as routes declare them; the list goes on behind the cursor. */
type PageQuery = z.ZodObject<{
	limit: z.ZodDefault<z.ZodType<number, string>>;
	cursor: z.ZodExactOptional<z.ZodPipe<z.ZodString, z.ZodTransform<ListPosition, string>>>;
}>;

/** Parameters of a link; undefined ones are left out. */
type Query = Readonly<Record<string, string | number | undefined>>;

/** @param maxLimit the default too: clients without paging see as much as one page holds */
export function pageQuery(maxLimit: number): PageQuery {
	return z.object({
		limit: wholeNumber('limit', 1, maxLimit).default(maxLimit),
		cursor: z.string(BAD_CURSOR).transform(readCursor).exactOptional(),
	});
}

/**
 * One page of a list that was fetched with one row more than the limit, and the `Link` header that leads to the next one (RFC 8288);
 * the answer stays a plain array.
 * @param url of the list itself
 * @param query what else it was asked with
 */
export function toPage<Row>(
	rows: readonly Row[],
	{
		limit,
		url,
		query = {},
		positionOf,
	}: {limit: number; url: string; query?: Query; positionOf: (row: Row) => ListPosition},
): {items: readonly Row[]; headers: Readonly<Record<string, string>>} {
	const items = rows.slice(0, limit);
	const last = items.at(-1);
	if (rows.length <= limit || last === undefined) {
		return {items, headers: {}};
	}
	const next = withQuery(url, {limit, cursor: toCursor(positionOf(last)), ...query});
	return {items, headers: {Link: `<${next}>; rel="next"`}};
}

/** A URL with the parameters that are there. */
export function withQuery(url: string, query: Query): string {
	const given = Object.entries(query).flatMap(([name, value]) =>
		value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
	);
	return `${url}?${given.join('&')}`;
}

function toCursor({createdAt, id}: ListPosition): string {
	return Buffer.from(`${createdAt.toISOString()} ${id}`).toString('base64url');
}

function readCursor(value: string, context: z.RefinementCtx): ListPosition {
	const text = Buffer.from(value, 'base64url').toString();
	const [, time, id] = /^(\d{4}-\d\d-\d\dT\S{1,20}) ([\w-]{1,64})$/.exec(text) ?? [];
	const createdAt = new Date(time ?? NaN);
	if (id === undefined || Number.isNaN(createdAt.getTime())) {
		context.addIssue(BAD_CURSOR);
		return z.NEVER;
	}
	return {createdAt, id};
}
