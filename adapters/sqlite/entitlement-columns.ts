import type {Entitlement} from '../../domain/billing/entitlement.ts';
import type {Columns} from './sqlite-table.ts';

/** How entitlements lie in the embedded store, for the two stores that share their table. */
export const ENTITLEMENT_COLUMNS: Columns<Entitlement> = {
	id: 'plain',
	customerId: 'plain',
	subscription: 'json',
	grantedSlots: 'plain',
	graceSince: 'date',
	checkedAt: 'date',
	checkoutAt: 'date',
	notices: 'json',
	toldSuspended: 'json',
	holders: 'json',
	version: 'plain',
	createdAt: 'date',
	updatedAt: 'date',
};
