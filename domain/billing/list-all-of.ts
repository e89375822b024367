import type {Connection} from '../connections/connection.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';

const PAGE_ROWS = 1000;

/** All of a user's connections that are not deleted, oldest first. */
export async function listAllOf(store: Pick<ConnectionStore, 'list'>, userId: string): Promise<readonly Connection[]> {
	const all: Connection[] = [];
	for (;;) {
		const last = all.at(-1);
		const page = await store.list(userId, {limit: PAGE_ROWS, ...(last && {after: last})});
		all.push(...page);
		if (page.length < PAGE_ROWS) return all;
	}
}
