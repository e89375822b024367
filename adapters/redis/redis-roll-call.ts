import {randomUUID} from 'node:crypto';
import {FanoutUnavailableError} from '../../domain/errors.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {RollCall, RollCallAnswers} from '../../domain/ports/roll-call.ts';
import type {RedisClient} from './redis-connection.ts';

/** A process that does not answer in this time is busy or gone. */
const PATIENCE_MS = 1000;

interface Question {
	readonly id: string;
	/** The channel for answers. */
	readonly replyTo: string;
	readonly question: string;
}

interface Answer {
	readonly id: string;
	readonly answer: string;
}

/** Collects the answers to one question. */
interface Collection {
	readonly answers: string[];
	expected: number;
	readonly complete: () => void;
}

/**
 * Asks by sharded pub/sub: the question goes to one channel that all attend, and Redis says how many heard it; the answers come back
 * on a channel of the asker.
 */
export class RedisRollCall implements RollCall {
	readonly #commands: RedisClient;
	readonly #subscriber: RedisClient;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #questions: string;
	readonly #replies: string;
	readonly #collections = new Map<string, Collection>();
	#answer: ((question: string) => string) | undefined;

	/**
	 * Both clients are connected already and stay the caller's.
	 * @param prefix starts the channels' names
	 */
	constructor(options: {commands: RedisClient; subscriber: RedisClient; clock: Clock; log: Logger; prefix: string}) {
		this.#commands = options.commands;
		this.#subscriber = options.subscriber;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#questions = `${options.prefix}:roll-call`;
		this.#replies = `${this.#questions}:${randomUUID()}`;
	}

	/** Call once. @throws {FanoutUnavailableError} Redis is away */
	async attend(answer: (question: string) => string): Promise<AsyncDisposable> {
		this.#answer = answer;
		try {
			// Unlike other commands these are queued while Redis is away, offline queue or not.
			if (!this.#subscriber.isReady) throw new Error('the connection is down');
			await this.#subscriber.sSubscribe(this.#replies, this.#collect);
			await this.#subscriber.sSubscribe(this.#questions, this.#reply);
		} catch (error) {
			throw new FanoutUnavailableError('Redis took no subscription', {cause: error});
		}
		return {
			[Symbol.asyncDispose]: () => {
				this.#answer = undefined;
				return this[Symbol.asyncDispose]();
			},
		};
	}

	async ask(question: string): Promise<RollCallAnswers> {
		const {promise, resolve} = Promise.withResolvers<undefined>();
		const complete = (): void => {
			resolve(undefined);
		};
		const collection: Collection = {answers: [], expected: Infinity, complete};
		const asked: Question = {id: randomUUID(), replyTo: this.#replies, question};
		this.#collections.set(asked.id, collection);
		try {
			collection.expected = await this.#commands.sPublish(this.#questions, JSON.stringify(asked));
			using _patience = this.#clock.after(PATIENCE_MS, complete);
			if (collection.answers.length < collection.expected) await promise;
			const {answers, expected} = collection;
			return {answers, missing: Math.max(0, expected - answers.length)};
		} catch (error) {
			throw new FanoutUnavailableError('Redis passed no question on', {cause: error});
		} finally {
			this.#collections.delete(asked.id);
		}
	}

	/** Best effort: what fails here, fails with the connection, and Redis forgets a lost one's subscriptions. */
	async [Symbol.asyncDispose](): Promise<void> {
		if (!this.#subscriber.isReady) {
			return;
		}
		try {
			await this.#subscriber.sUnsubscribe(this.#questions, this.#reply);
			await this.#subscriber.sUnsubscribe(this.#replies, this.#collect);
		} catch (error) {
			this.#log.debug({error}, 'roll-call.unsubscribe.failed');
		}
	}

	/** Never throws: the client would lose its place in what Redis sends. */
	readonly #reply = (text: string): void => {
		if (this.#answer === undefined) {
			return;
		}
		try {
			const {id, replyTo, question} = JSON.parse(text) as Question;
			const answer: Answer = {id, answer: this.#answer(question)};
			this.#commands.sPublish(replyTo, JSON.stringify(answer)).catch((error: unknown) => {
				this.#log.warn({error}, 'roll-call.answer.failed');
			});
		} catch (error) {
			this.#log.warn({error}, 'roll-call.question.unreadable');
		}
	};

	/** Never throws, as above. */
	readonly #collect = (text: string): void => {
		try {
			const {id, answer} = JSON.parse(text) as Answer;
			const collection = this.#collections.get(id);
			if (collection === undefined) {
				return;
			}
			collection.answers.push(answer);
			if (collection.answers.length >= collection.expected) collection.complete();
		} catch (error) {
			this.#log.warn({error}, 'roll-call.answer.unreadable');
		}
	};
}
