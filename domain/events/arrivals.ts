import {UserArrivals, type UserArrivalsOptions} from './user-arrivals.ts';

/** Tells those who wait for events that there are some; a user for whom nobody waits costs nothing. */
export class Arrivals implements AsyncDisposable {
	readonly #options: Omit<UserArrivalsOptions, 'userId'>;
	readonly #users = new Map<string, {readonly arrivals: UserArrivals; readonly waiting: number}>();
	#isClosed = false;

	constructor(options: Omit<UserArrivalsOptions, 'userId'>) {
		this.#options = options;
	}

	/** The users for whom somebody waits. */
	get size(): number {
		return this.#users.size;
	}

	/** Calls `wait` with what tells of the user's events, unless the process is about to end. */
	async during<T>(userId: string, wait: (arrivals: UserArrivals) => Promise<T>): Promise<T | undefined> {
		if (this.#isClosed) return undefined;
		const {arrivals, waiting} = this.#users.get(userId) ?? {
			arrivals: new UserArrivals({...this.#options, userId}),
			waiting: 0,
		};
		this.#users.set(userId, {arrivals, waiting: waiting + 1});
		try {
			return await wait(arrivals);
		} finally {
			await this.#leave(userId, arrivals);
		}
	}

	/** Ends all waits: what was asked is answered with what there is. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#isClosed = true;
		await Promise.all([...this.#users.values()].map(({arrivals}) => arrivals.close()));
	}

	async #leave(userId: string, arrivals: UserArrivals): Promise<void> {
		const waiting = (this.#users.get(userId)?.waiting ?? 1) - 1;
		if (waiting > 0) {
			this.#users.set(userId, {arrivals, waiting});
			return;
		}
		this.#users.delete(userId);
		try {
			await arrivals.close();
		} catch (error) {
			this.#options.log.warn({error, userId}, 'events.unsubscribe.failed');
		}
	}
}
