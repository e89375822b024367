import type {ListPosition, Page} from '../../domain/ports/page.ts';

/** Reads a list page by page until one is not full. */
export async function allPages<T extends ListPosition>(
	limit: number,
	list: (page: Page) => Promise<readonly T[]>,
): Promise<readonly T[]> {
	const seen: T[] = [];
	for (;;) {
		const last = seen.at(-1);
		const page = await list({limit, ...(last && {after: last})});
		seen.push(...page);
		if (page.length < limit) return seen;
	}
}

/** The order of such lists, for `sort`. */
export function byAge(left: ListPosition, right: ListPosition): number {
	return left.createdAt.getTime() - right.createdAt.getTime() || (left.id < right.id ? -1 : 1);
}
