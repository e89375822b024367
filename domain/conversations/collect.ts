import type {Slice} from '../ports/whatsapp-engine.ts';

/** Reads until there are `limit` rows. Engines may leave out rows of a slice: only an empty one is the end. */
export async function collect<Row>(
	limit: number,
	offset: number,
	read: (slice: Slice) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
	const rows: Row[] = [];
	for (let next = offset; ;) {
		const wanted = limit - rows.length;
		const page = await read({limit: wanted, offset: next});
		rows.push(...page);
		next += wanted;
		if (page.length === 0 || rows.length >= limit) return rows;
	}
}
