/** Who holds the places of a worker; capacity is respected however many processes ask at once. */
export interface WorkerStore {
	/** Gives `connectionId` a place on the worker if one is free or if it has one already. False when the worker is full. */
	takePlace(workerId: string, connectionId: string, capacity: number): Promise<boolean>;
	/** Frees the place; does nothing when there is none. */
	releasePlace(workerId: string, connectionId: string): Promise<void>;
	/** How many places are taken. */
	countPlaces(workerId: string): Promise<number>;
}
