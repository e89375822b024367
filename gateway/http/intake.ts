import type {Request, RequestHandler, Response} from 'express';
import type {Clock} from '../../domain/ports/clock.ts';
import {OverloadedError, RateLimitedError} from './http-errors.ts';

/** For one sender: 16 MB, or open files, at most; what comes at once beyond this takes turns. */
const PER_SENDER = 16;

/** For all together: 128 MB of JSON, or as many open files. */
const IN_ALL = 128;

/** A place is free in a moment, unless senders dawdle. */
const PATIENCE_MS = 5000;

/** Smaller bodies are read whatever else is going on: they usually come together with their headers. */
const LARGE_BYTES = 64 * 1024;

/** So long nobody is slow: connections take their time to get going. */
const START_MS = 1000;

/** How often it is looked whether somebody became slow while others wait. */
const LOOK_EVERY_MS = 250;

export interface IntakeOptions {
	readonly clock: Clock;
	/** Default 16. */
	readonly perSender?: number;
	/** Default 128. */
	readonly inAll?: number;
	/** Bodies that come slower than this lose their place to whoever waits for one; default 0: none does. */
	readonly minBytesPerSecond?: number;
	/** How long a sender waits for a place; default 5000. */
	readonly patienceMs?: number;
	/** What is said to whoever got none; default: that he sends too much. */
	readonly refusal?: (patienceMs: number) => Error;
}

/**
 * Where bodies are read before anybody knows whose they are: senders that dawdle must not keep out those that do not, and whoever is kept
 * out all the same did nothing wrong, and hears so within 5 s. A worker sends 128 KB in a few milliseconds.
 */
export const FOR_STRANGERS = {
	minBytesPerSecond: 128 * 1024,
	patienceMs: 4000,
	refusal: () => new OverloadedError(),
} as const satisfies Partial<IntakeOptions>;

/** A body that is on its way. */
export interface ArrivingBody {
	receivedBytes(): number;
	/** Ends its connection. */
	cut(): void;
}

interface Place {
	readonly sender: string;
	readonly body: ArrivingBody | undefined;
	takenAtMs: number;
}

interface Waiting {
	readonly sender: string;
	readonly body: ArrivingBody | undefined;
	readonly enter: () => void;
}

/**
 * Bounds how many large bodies are read at the same time: each takes memory, or holds a file open, for as long as its sender likes
 * (up to the server's request time-out), and budgets of requests per minute do not end what is being read.
 */
export class Intake {
	readonly #options: Required<IntakeOptions>;
	readonly #places = new Set<Place>();
	readonly #waiting = new Set<Waiting>();
	#look: Disposable | undefined;

	constructor(options: IntakeOptions) {
		this.#options = {
			perSender: PER_SENDER,
			inAll: IN_ALL,
			minBytesPerSecond: 0,
			patienceMs: PATIENCE_MS,
			refusal: (patienceMs) => new RateLimitedError(patienceMs),
			...options,
		};
	}

	/**
	 * A place until it is disposed, which may be done twice.
	 * @param body what may lose the place when it is slow; default: nothing
	 * @throws {RateLimitedError} or the intake's own refusal: none became free in time
	 */
	async enter(sender: string, body?: ArrivingBody): Promise<Disposable> {
		const place: Place = {sender, body, takenAtMs: 0};
		if (this.#isFull(sender)) this.#makeRoom(sender);
		if (this.#isFull(sender)) await this.#wait(place);
		else this.#take(place);
		return {
			[Symbol.dispose]: () => {
				this.#leave(place);
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
					const place = await this.enter(senderOf(request, response), toArriving(request));
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

	async #wait(place: Place): Promise<void> {
		const {clock, patienceMs, refusal} = this.#options;
		const {promise, resolve, reject} = Promise.withResolvers<undefined>();
		const waiting: Waiting = {
			sender: place.sender,
			body: place.body,
			enter: () => {
				this.#waiting.delete(waiting);
				this.#take(place);
				resolve(undefined);
			},
		};
		this.#waiting.add(waiting);
		this.#lookOut();
		using _patience = clock.after(patienceMs, () => {
			this.#waiting.delete(waiting);
			reject(refusal(patienceMs));
		});
		await promise;
	}

	/** Makes room, now and then, for as long as somebody waits. */
	#lookOut(): void {
		const {clock, minBytesPerSecond} = this.#options;
		if (this.#look !== undefined || minBytesPerSecond === 0) return;
		this.#look = clock.after(LOOK_EVERY_MS, () => {
			this.#look = undefined;
			for (const {sender} of this.#waiting) this.#makeRoom(sender);
			if (this.#waiting.size > 0) this.#lookOut();
		});
	}

	/** Breaks off the slowest of the bodies that keep this sender out, if it is too slow. */
	#makeRoom(sender: string): void {
		const {perSender, minBytesPerSecond} = this.#options;
		const own = this.#placesOf(sender);
		const inTheWay = own.length >= perSender ? own : [...this.#places];
		const [slowest] = inTheWay.map((place) => ({place, rate: this.#rateOf(place)})).toSorted((a, b) => a.rate - b.rate);
		if (slowest !== undefined && slowest.rate < minBytesPerSecond) {
			slowest.place.body?.cut();
			this.#leave(slowest.place);
		}
	}

	/** Bytes per second since it got its place; infinite for what cannot be told yet. */
	#rateOf({body, takenAtMs}: Place): number {
		const ageMs = this.#options.clock.now() - takenAtMs;
		return body === undefined || ageMs < START_MS ? Infinity : (body.receivedBytes() * 1000) / ageMs;
	}

	#placesOf(sender: string): readonly Place[] {
		return [...this.#places].filter((place) => place.sender === sender);
	}

	#isFull(sender: string): boolean {
		const {perSender, inAll} = this.#options;
		return this.#places.size >= inAll || this.#placesOf(sender).length >= perSender;
	}

	#take(place: Place): void {
		place.takenAtMs = this.#options.clock.now();
		this.#places.add(place);
	}

	#leave(place: Place): void {
		if (this.#places.delete(place)) this.#next?.enter();
	}

	/**
	 * Of those who may enter now the one who waits longest; where dawdlers lose their place, the one of whose body most has come: as much as
	 * fits into buffers does while he waits.
	 */
	get #next(): Waiting | undefined {
		const allowed = [...this.#waiting].filter(({sender}) => !this.#isFull(sender));
		if (this.#options.minBytesPerSecond === 0) return allowed[0];
		const byBytes = allowed.map((waiting) => ({waiting, bytes: waiting.body?.receivedBytes() ?? 0}));
		return byBytes.toSorted((a, b) => b.bytes - a.bytes)[0]?.waiting;
	}
}

/** A body of unknown length may become large. */
function isLarge({headers}: Request): boolean {
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > LARGE_BYTES;
}

/** Counted at the socket: nobody has to listen to the body twice. */
function toArriving(request: Request): ArrivingBody {
	const {socket} = request;
	const before = socket.bytesRead;
	return {
		receivedBytes: () => socket.bytesRead - before,
		cut: () => {
			request.destroy();
		},
	};
}
