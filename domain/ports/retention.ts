/** Forgets what is older than it need be: events, deliveries and their attempts, commands and dead letters. */
export interface Retention {
	/** Deletes what last happened before `before`; others' writes go on in between. Resolves to the number of rows. */
	sweep(before: Date): Promise<number>;
}
