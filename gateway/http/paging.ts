import {ValidationError} from '../../domain/errors.ts';
import type {ListPosition} from '../../domain/ports/connection-store.ts';

/** The default too: clients without paging see as much as one page holds. */
const MAX_LIMIT = 100;

/** What `?limit=&cursor=` ask for. */
export interface PageRequest {
	/** 1 to 100, default 100. */
	readonly limit: number;
	/** The list goes on behind this item. */
	readonly position?: ListPosition;
}

/** @throws {ValidationError} */
export function readPage({limit, cursor}: Readonly<Record<string, unknown>>): PageRequest {
	return {
		limit: limit === undefined ? MAX_LIMIT : readLimit(limit),
		...(cursor !== undefined && {position: readCursor(cursor)}),
	};
}

/**
 * One page of a list that was fetched with one row more than the limit, and the `Link` header that leads to the next one (RFC 8288);
 * the answer stays a plain array.
 * @param url of the list itself
 */
export function toPage<Row>(
	rows: readonly Row[],
	{limit, url, positionOf}: {limit: number; url: string; positionOf: (row: Row) => ListPosition},
): {items: readonly Row[]; headers: Readonly<Record<string, string>>} {
	const items = rows.slice(0, limit);
	const last = items.at(-1);
	if (rows.length <= limit || last === undefined) {
		return {items, headers: {}};
	}
	const next = `${url}?limit=${limit}&cursor=${toCursor(positionOf(last))}`;
	return {items, headers: {Link: `<${next}>; rel="next"`}};
}

function readLimit(value: unknown): number {
	const limit = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : 0;
	if (limit < 1 || limit > MAX_LIMIT) {
		throw new ValidationError(`limit must be a whole number from 1 to ${MAX_LIMIT}`);
	}
	return limit;
}

function toCursor({createdAt, id}: ListPosition): string {
	return Buffer.from(`${createdAt.toISOString()} ${id}`).toString('base64url');
}

function readCursor(value: unknown): ListPosition {
	const text = typeof value === 'string' ? Buffer.from(value, 'base64url').toString() : '';
	const [, time, id] = /^(\d{4}-\d\d-\d\dT\S{1,20}) ([\w-]{1,64})$/.exec(text) ?? [];
	const createdAt = new Date(time ?? NaN);
	if (id === undefined || Number.isNaN(createdAt.getTime())) {
		throw new ValidationError('cursor is not one of ours: take it from the Link header of the page before');
	}
	return {createdAt, id};
}
