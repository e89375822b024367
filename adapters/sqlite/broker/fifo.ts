/** What was taken is cut off when it is this much, and at least half. */
const COMPACT_AT = 1024;

/** First in, first out, at a constant price however long it is (an array's `shift` moves everything). */
export class Fifo<Item> {
	#items: (Item | undefined)[] = [];
	#start = 0;

	get length(): number {
		return this.#items.length - this.#start;
	}

	get first(): Item | undefined {
		return this.#items[this.#start];
	}

	push(item: Item): void {
		this.#items.push(item);
	}

	/** Puts an item that was taken back to its place: before the first that is later. Others that came back are few, and are passed by. */
	putBack(item: Item, isLater: (other: Item) => boolean): void {
		const earlier: Item[] = [];
		for (let other = this.first; other !== undefined && !isLater(other); other = this.first) {
			earlier.push(other);
			this.shift();
		}
		for (const returned of [item, ...earlier.toReversed()]) this.#unshift(returned);
	}

	shift(): Item | undefined {
		const item = this.#items[this.#start];
		if (this.length === 0) {
			return undefined;
		}
		this.#items[this.#start++] = undefined;
		if (this.#start >= COMPACT_AT && this.#start * 2 >= this.#items.length) {
			this.#items = this.#items.slice(this.#start);
			this.#start = 0;
		}
		return item;
	}

	#unshift(item: Item): void {
		if (this.#start === 0) {
			this.#items.unshift(item);
		} else {
			this.#items[--this.#start] = item;
		}
	}
}
