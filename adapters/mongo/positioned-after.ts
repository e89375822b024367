import type {QueryFilter} from 'mongoose';
import type {ListPosition} from '../../domain/ports/page.ts';

/** What lists are ordered by. */
interface Positioned {
	readonly _id: string;
	readonly createdAt: Date;
}

/** The filter for what comes after a place in a list that is ordered by (createdAt, _id); without one, for everything. */
export function positionedAfter(position: ListPosition | undefined): QueryFilter<Positioned> {
	if (position === undefined) {
		return {};
	}
	const {createdAt, id} = position;
	return {createdAt: {$gte: createdAt}, $or: [{createdAt: {$gt: createdAt}}, {_id: {$gt: id}}]};
}
