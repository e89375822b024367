/** A place in a list that is ordered by (createdAt, id); lists go on after it. */
export interface ListPosition {
	readonly createdAt: Date;
	readonly id: string;
}

/** A part of a list. */
export interface Page {
	readonly limit: number;
	/** Default: from the start. */
	readonly after?: ListPosition;
}
