/** What a user is told about his account, as an event of his own. */
export interface Notice {
	readonly event:
		'billing.slots.changed' | 'billing.past_due' | 'billing.recovered' | 'billing.suspended' | 'billing.resumed';
	/** When it came to be, milliseconds since the epoch. */
	readonly atMs: number;
	readonly payload: Readonly<Record<string, unknown>>;
}
