import type {Clock} from '../../domain/ports/clock.ts';
import type {Fanout, FanoutFrame} from '../../domain/ports/fanout.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {CatchUp, type CatchUpOptions} from './catch-up.ts';
import {EventFrame} from './event-frame.ts';
import type {EventLog} from './event-log.ts';
import {LastEvents} from './last-events.ts';
import {ReadyFrame} from './ready-frame.ts';
import {RecentFrames} from './recent-frames.ts';
import {findResumePosition, type ResumePosition} from './resume-position.ts';
import type {RoomMember} from './room-member.ts';

/** One of so many recent frames is in the log, if it has got as far as them. */
const FIRST_KNOWN = 100;

export interface RoomOptions {
	readonly userId: string;
	readonly fanout: Fanout;
	readonly eventLog: EventLog;
	readonly clock: Clock;
	readonly log: Logger;
	/** How much of the live stream a catch-up may keep in memory. */
	readonly maxHeldBytes: number;
}

/** One user's clients in this process: they share one subscription and one encoding of each frame. */
export class Room implements AsyncDisposable {
	readonly #options: RoomOptions;
	readonly #recent: RecentFrames;
	readonly #members = new Set<RoomMember>();
	readonly #live = new Set<RoomMember>();
	readonly #catchUps = new Set<CatchUp>();
	/** The log's end just before the subscription: whatever comes after it belongs to this room. */
	readonly #start: Promise<number>;
	readonly #subscription: Promise<AsyncDisposable>;
	#isSubscribed = false;

	constructor(options: RoomOptions) {
		this.#options = options;
		this.#recent = new RecentFrames({clock: options.clock});
		this.#start = options.eventLog.lastPosition(options.userId);
		this.#subscription = this.#subscribe();
		// Whoever joins gets the failure; a room whose clients left at once has nobody to tell.
		this.#subscription.catch(() => undefined);
	}

	get size(): number {
		return this.#members.size;
	}

	/** False while the member may still miss something, or is being brought up to date from the log. */
	isLive(member: RoomMember): boolean {
		return this.#isSubscribed && this.#live.has(member);
	}

	/**
	 * Resolves once the member misses nothing more.
	 * @param since what it has: an event, a place in the log, or nothing (empty). It gets everything after that first, and is told when it
	 * is live; absent = it just gets what comes
	 * @throws {FanoutUnavailableError}
	 */
	async join(member: RoomMember, since: string | undefined): Promise<void> {
		this.#members.add(member);
		if (since === undefined) {
			this.#live.add(member);
			await this.#subscription;
			return;
		}
		const last = new LastEvents({start: since === '' ? null : since});
		const catchUp = this.#hold({members: [member], last}, (position) => {
			member.send(new ReadyFrame(position));
		});
		await this.#subscription;
		const {eventLog, clock, userId} = this.#options;
		void this.#run(catchUp, () => findResumePosition({eventLog, clock, userId, since}));
	}

	leave(member: RoomMember): void {
		this.#members.delete(member);
		this.#live.delete(member);
		for (const catchUp of this.#catchUps) catchUp.leave(member);
	}

	/** Live frames may have been lost: everybody catches up from the log. */
	onGap(): void {
		const behind = new Set(this.#members);
		for (const catchUp of this.#catchUps) {
			if (catchUp.extend()) {
				for (const member of catchUp.members) behind.delete(member);
			}
		}
		if (behind.size > 0) {
			const known = this.#recent.ids();
			const catchUp = this.#hold({members: behind, last: this.#recent.last, sent: known});
			void this.#run(catchUp, () => this.#positionBefore(known.slice(0, FIRST_KNOWN)));
		}
	}

	/** Ends the subscription; members stay as they are and get nothing more. */
	async [Symbol.asyncDispose](): Promise<void> {
		for (const member of this.#members) this.leave(member);
		const subscription = await this.#subscription.catch(() => undefined);
		await subscription?.[Symbol.asyncDispose]();
	}

	async #subscribe(): Promise<AsyncDisposable> {
		// Read before, or an event might be lost that is in the log at a place that counts as known.
		await this.#start.catch((error: unknown) => {
			this.#options.log.warn({error, userId: this.#options.userId}, 'stream.log.failed');
		});
		const subscription = await this.#options.fanout.subscribe(this.#options.userId, (frame) => {
			this.#onFrame(frame);
		});
		this.#isSubscribed = true;
		return subscription;
	}

	#onFrame(received: FanoutFrame): void {
		const frame = new EventFrame(received);
		this.#recent.note(frame);
		for (const catchUp of this.#catchUps) catchUp.observe(frame);
		frame.sendTo(this.#live);
	}

	/** From now on these members get live frames by way of the catch-up only. @param onReady called when they get them directly again */
	#hold(
		start: Pick<CatchUpOptions, 'members' | 'last' | 'sent'>,
		onReady: (position: number | undefined) => void = () => undefined,
	): CatchUp {
		const {userId, eventLog, clock, log, maxHeldBytes} = this.#options;
		const onLive = (caughtUp: ReadonlySet<RoomMember>, position: number | undefined): void => {
			for (const member of caughtUp) this.#live.add(member);
			if (caughtUp.size > 0) onReady(position);
		};
		const onSplit = (laggards: CatchUp, position: number): void => {
			this.#enlist(laggards);
			void this.#run(laggards, () => Promise.resolve({seq: position}));
		};
		const catchUp = new CatchUp({...start, userId, maxHeldBytes, onLive, onSplit, eventLog, clock, log});
		this.#enlist(catchUp);
		return catchUp;
	}

	#enlist(catchUp: CatchUp): void {
		this.#catchUps.add(catchUp);
		for (const member of catchUp.members) this.#live.delete(member);
	}

	async #run(catchUp: CatchUp, locate: () => Promise<ResumePosition>): Promise<void> {
		await catchUp.run(locate);
		this.#catchUps.delete(catchUp);
	}

	/**
	 * Where to read on after a loss: before the first of the frames that came in the last time. If the log has none of them yet, it
	 * has nothing that came after them either.
	 */
	async #positionBefore(known: readonly string[]): Promise<ResumePosition> {
		if (known.length === 0) {
			return {seq: await this.#start};
		}
		const {eventLog, userId} = this.#options;
		// Read before, or what is logged meanwhile would be passed by.
		const end = await eventLog.lastPosition(userId);
		const position = (await eventLog.positionBeforeAny(known)) ?? end;
		return {seq: Math.max(position, await this.#start.catch(() => 0))};
	}
}
