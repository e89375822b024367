import type {Request, RequestHandler, Response} from 'express';
import type {Clock} from '../../domain/ports/clock.ts';
import {RateLimitedError} from './http-errors.ts';

/** For one sender: 16 MB, or open files, at most; what comes at once beyond this takes turns. */
const PER_SENDER = 16;

/** For all together: 128 MB of JSON, or as many open files. */
const IN_ALL = 128;

/** A place is free in a moment, unless senders dawdle. */
const PATIENCE_MS = 5000;

/** Smaller bodies are read whatever else is going on: they usually come together with their headers. */
const LARGE_BYTES = 64 * 1024;

interface Waiting {
	readonly sender: string;
	readonly enter: () => void;
}

/**
 * Bounds how many large bodies are read at the same time: each takes memory, or holds a file open, for as long as its sender likes
 * (up to the server's request time-out), and budgets of requests per minute do not end what is being read.
 */
export class Intake {
	readonly #clock: Clock;
	readonly #perSender: number;
	readonly #inAll: number;
	readonly #bySender = new Map<string, number>();
	readonly #waiting = new Set<Waiting>();
	#all = 0;

	/** @param options default: 16 for one sender, 128 for all together */
	constructor({clock, perSender = PER_SENDER, inAll = IN_ALL}: {clock: Clock; perSender?: number; inAll?: number}) {
		this.#clock = clock;
		this.#perSender = perSender;
		this.#inAll = inAll;
	}

	/** A place until it is disposed, which may be done twice. @throws {RateLimitedError} none became free in 5 s */
	async enter(sender: string): Promise<Disposable> {
		if (this.#isFull(sender)) await this.#wait(sender);
		else this.#take(sender);
		let isOver = false;
		return {
			[Symbol.dispose]: () => {
				if (!isOver) this.#leave(sender);
				isOver = true;
			},
		};
	}

	/** Gives large bodies a place while `read` reads them into memory; small ones pass. */
	around(
		senderOf: (request: Request, response: Response) => string,
		read: readonly RequestHandler[],
	): RequestHandler[] {
		const places = new WeakMap<Request, Disposable>();
		return [
			async (request, response, next) => {
				if (isLarge(request)) {
					const place = await this.enter(senderOf(request, response));
					places.set(request, place);
					// Whatever else stops the reading ends the response, too.
					if (response.closed) place[Symbol.dispose]();
					else
						response.once('close', () => {
							place[Symbol.dispose]();
						});
				}
				next();
			},
			...read,
			(request, _response, next) => {
				places.get(request)?.[Symbol.dispose]();
				next();
			},
		];
	}

	async #wait(sender: string): Promise<void> {
		const {promise, resolve, reject} = Promise.withResolvers<undefined>();
		const waiting: Waiting = {
			sender,
			enter: () => {
				this.#waiting.delete(waiting);
				this.#take(sender);
				resolve(undefined);
			},
		};
		this.#waiting.add(waiting);
		using _patience = this.#clock.after(PATIENCE_MS, () => {
			this.#waiting.delete(waiting);
			reject(new RateLimitedError(PATIENCE_MS));
		});
		await promise;
	}

	#isFull(sender: string): boolean {
		return this.#all >= this.#inAll || (this.#bySender.get(sender) ?? 0) >= this.#perSender;
	}

	#take(sender: string): void {
		this.#bySender.set(sender, (this.#bySender.get(sender) ?? 0) + 1);
		this.#all++;
	}

	/** Whoever waits longest and may enter now, does. */
	#leave(sender: string): void {
		const left = (this.#bySender.get(sender) ?? 1) - 1;
		if (left === 0) this.#bySender.delete(sender);
		else this.#bySender.set(sender, left);
		this.#all--;
		for (const waiting of this.#waiting) {
			if (!this.#isFull(waiting.sender)) {
				waiting.enter();
				return;
			}
		}
	}
}

/** A body of unknown length may become large. */
function isLarge({headers}: Request): boolean {
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > LARGE_BYTES;
}
