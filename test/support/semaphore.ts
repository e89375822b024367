/** Lets a few in at once; the others wait in line. */
export class Semaphore {
	#free: number;
	readonly #waiting: (() => void)[] = [];

	constructor(places: number) {
		this.#free = places;
	}

	/** Resolves when there is room; disposing what it resolves to makes room again. */
	async acquire(): Promise<Disposable> {
		if (this.#free > 0) this.#free--;
		else await new Promise<void>((resolve) => this.#waiting.push(resolve));
		return {
			[Symbol.dispose]: () => {
				const next = this.#waiting.shift();
				if (next === undefined) this.#free++;
				else next();
			},
		};
	}
}
