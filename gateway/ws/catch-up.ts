import type {Clock} from '../../domain/ports/clock.ts';
import type {LoggedEvent} from '../../domain/ports/event-store.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {EventFrame} from './event-frame.ts';
import type {EventLog} from './event-log.ts';
import {gapFrame, type GapReason} from './gap-frame.ts';
import {HeldFrames} from './held-frames.ts';
import type {LastEvents} from './last-events.ts';
import {Patience} from './patience.ts';
import type {ResumePosition} from './resume-position.ts';
import type {RoomMember} from './room-member.ts';
import {WakefulSleep} from './wakeful-sleep.ts';

const PAGE_SIZE = 200;

/** Clocks of hosts agree within this; an event that was received so long after a moment was published after it. */
const CLOCK_TOLERANCE_MS = 5000;

/**
 * How soon the log is asked whether it has passed: at once, then ever less often, and again when a live frame shows that
 * there is something new.
 */
const FIRST_WAIT_MS = 100;
const FRAME_WAIT_MS = 1000;
const MAX_WAIT_MS = 5 * 60_000;

/** A log that has not passed after this long is given up. */
const MAX_TRAIL_MS = 60 * 60_000;

/** Ids that are remembered to send nothing twice; of more, the oldest are forgotten and may be sent twice. */
const MAX_LOGGED = 1000;
const MAX_UNLOGGED = 10_000;

export interface CatchUpOptions {
	readonly userId: string;
	/** Who gets what is missing; all of them are at the same place. They get no live frames but through here until `onLive`. */
	readonly members: Iterable<RoomMember>;
	/** What they have for sure, for the gap frame; kept up to date. */
	readonly last: LastEvents;
	/** Events that they have had live already. */
	readonly sent?: Iterable<string>;
	/** Events that they have had from the log already. */
	readonly logged?: Iterable<string>;
	/** Live frames that came for them and have not gone out. */
	readonly held?: Iterable<EventFrame>;
	readonly maxHeldBytes: number;
	/**
	 * Called once: from now on the members get live frames directly.
	 * @param position they have everything that the log has up to here; undefined when it could not be read
	 */
	readonly onLive: (members: ReadonlySet<RoomMember>, position: number | undefined) => void;
	/** Called with those who fell behind the others: they have everything up to `position`. */
	readonly onSplit: (laggards: CatchUp, position: number) => void;
	readonly eventLog: EventLog;
	readonly clock: Clock;
	readonly log: Logger;
}

/**
 * Brings members from a position in the log to the live stream, without a gap. Live frames and the log come by different ways,
 * either may be ahead. So: live frames are held while the log is replayed to its end, in order; then what was held follows, and the
 * members are live; from then on the log is only compared ("trailed") until it has passed the moment of the subscription, and
 * what it shows that had not gone out is sent. An event may come twice, with the same id.
 */
export class CatchUp {
	readonly #options: CatchUpOptions;
	readonly #members: Set<RoomMember>;
	readonly #held: HeldFrames;
	/** Events that went out live and were not in the log yet. */
	readonly #unlogged: Set<string>;
	/** What the log showed last: its live frame may be yet to come. */
	readonly #logged: Set<string>;
	readonly #patience: Patience;
	readonly #sleep: WakefulSleep;
	#isLive = false;
	#isOver = false;
	#position = 0;
	/** Up to here the members have most of it. */
	#knownTo = 0;
	/** What was published before this moment may be missing until the log has passed it. */
	#momentMs: number;
	/** The latest time of receipt that the log has shown. */
	#loggedMs = 0;
	#waitMs = FIRST_WAIT_MS;

	constructor(options: CatchUpOptions) {
		this.#options = options;
		this.#members = new Set(options.members);
		this.#held = new HeldFrames({maxBytes: options.maxHeldBytes});
		for (const frame of options.held ?? []) this.#held.add(frame);
		this.#unlogged = new Set(options.sent);
		const latest = options.last.latest();
		this.#logged = new Set(options.logged ?? (latest === null ? [] : [latest]));
		this.#patience = new Patience({clock: options.clock});
		this.#sleep = new WakefulSleep({clock: options.clock});
		this.#momentMs = options.clock.now();
	}

	/** Nobody may be left. */
	get members(): ReadonlySet<RoomMember> {
		return this.#members;
	}

	leave(member: RoomMember): void {
		this.#members.delete(member);
		if (this.#members.size === 0) {
			this.#sleep.wake();
		}
	}

	/** A live frame of the room. Before `onLive` it is held here, after it the room has sent it. */
	observe(frame: EventFrame): void {
		if (!this.#isLive) {
			this.#hold(frame);
			return;
		}
		this.#noteSent(frame.eventId);
		if (this.#sleep.remainingMs > FRAME_WAIT_MS) {
			this.#waitMs = FRAME_WAIT_MS;
			this.#sleep.wake();
		}
	}

	/** Live frames may have been lost until now: the log has to pass this moment, too. False when this has ended already. */
	extend(): boolean {
		this.#momentMs = this.#options.clock.now();
		this.#waitMs = FIRST_WAIT_MS;
		this.#sleep.wake();
		return !this.#isOver;
	}

	/**
	 * Resolves when nothing can be missing any more, or the members were told that something may be. Never rejects.
	 * @param locate finds where the log goes on
	 */
	async run(locate: () => Promise<ResumePosition>): Promise<void> {
		this.#momentMs = this.#options.clock.now();
		try {
			this.#begin(await locate());
			do {
				await this.#readOn();
			} while (!(await this.#release()));
			await this.#trail();
		} catch (error) {
			this.#options.log.warn({error, userId: this.#options.userId}, 'stream.log.failed');
			this.#tellGap('log-unavailable');
		} finally {
			this.#isOver = true;
			this.#goLive(undefined);
		}
	}

	#begin({seq, known, gap}: ResumePosition): void {
		this.#position = seq;
		if (known !== undefined) {
			this.#knownTo = known.seq;
			this.#unlogged.add(known.id);
		}
		if (gap !== undefined) this.#tellGap(gap.reason, gap.next);
	}

	/** What is too much for memory the log has: it is as if these frames had been lost. */
	#hold(frame: EventFrame): void {
		if (!this.#logged.has(frame.eventId) && !this.#held.add(frame)) {
			this.extend();
		}
	}

	/** Sends what the log has after the position, to its end or until nobody is left. */
	async #readOn(): Promise<void> {
		const {eventLog, userId} = this.#options;
		while (this.#members.size > 0) {
			const page = await eventLog.listAfter(userId, this.#position, PAGE_SIZE);
			const silent = await eventLog.listSilent(page);
			for (const event of page) {
				await this.#pass(event, silent.has(event));
			}
			if (page.length < PAGE_SIZE) {
				return;
			}
		}
	}

	async #pass(
		{id: eventId, event, seq, connectionId, receivedAtMs, body}: LoggedEvent,
		isSilent: boolean,
	): Promise<void> {
		const isBehind = seq <= this.#knownTo;
		this.#position = seq;
		if (!isBehind) this.#options.last.note({eventId, connectionId});
		this.#loggedMs = Math.max(this.#loggedMs, receivedAtMs);
		remember(this.#logged, eventId, MAX_LOGGED);
		const held = this.#held.take(eventId);
		if (this.#unlogged.delete(eventId) || isSilent) {
			return;
		}
		const frame = new EventFrame({eventId, event, connectionId, body: Buffer.from(body), isBehind});
		await this.#deliver(isBehind ? frame : (held ?? frame));
	}

	/** Sends what was held, then goes live. False when some of it was given up meanwhile: the log comes first again. */
	async #release(): Promise<boolean> {
		const {overflows} = this.#held;
		for (const frame of this.#held) {
			this.#held.take(frame.eventId);
			this.#noteSent(frame.eventId);
			await this.#deliver(frame);
			if (overflows !== this.#held.overflows) {
				return false;
			}
		}
		this.#goLive(this.#position);
		return true;
	}

	async #deliver(frame: EventFrame): Promise<void> {
		frame.sendTo(this.#members);
		const laggards = await this.#patience.outlast(this.#members);
		if (laggards.length > 0) this.#splitOff(laggards);
	}

	/** They go on from here by themselves. Without waiting: no frame may come between. */
	#splitOff(laggards: readonly RoomMember[]): void {
		const {last} = this.#options;
		for (const member of laggards) this.#members.delete(member);
		const catchUp = new CatchUp({
			...this.#options,
			members: laggards,
			last: last.copy(),
			sent: this.#unlogged,
			logged: this.#logged,
			held: this.#held,
		});
		catchUp.#knownTo = this.#knownTo;
		this.#options.onSplit(catchUp, this.#position);
	}

	/** Without waiting: no frame may come between. */
	#goLive(position: number | undefined): void {
		if (this.#isLive) {
			return;
		}
		this.#isLive = true;
		for (const frame of this.#held) {
			this.#noteSent(frame.eventId);
			frame.sendTo(this.#members);
		}
		this.#held.clear();
		this.#options.onLive(this.#members, position);
	}

	async #trail(): Promise<void> {
		const {clock} = this.#options;
		let isGivenUp = false;
		while (this.#members.size > 0 && !isGivenUp && this.#loggedMs < this.#momentMs + CLOCK_TOLERANCE_MS) {
			const waitMs = this.#waitMs;
			this.#waitMs = Math.min(2 * waitMs, MAX_WAIT_MS);
			await this.#sleep.for(waitMs);
			await this.#readOn();
			isGivenUp = clock.now() > this.#momentMs + MAX_TRAIL_MS;
		}
		// In the same breath as the decision: a loss that is noticed just after it must not be taken for covered.
		this.#isOver = true;
		// A quiet log is a complete one, as far as anybody can tell; one that lacks live events is not.
		if (isGivenUp && this.#members.size > 0 && !(await this.#options.eventLog.hasAll([...this.#unlogged]))) {
			this.#tellGap('log-behind');
		}
	}

	#noteSent(eventId: string): void {
		if (!this.#logged.has(eventId)) {
			remember(this.#unlogged, eventId, MAX_UNLOGGED);
		}
	}

	/** @param next the event that follows the gap; absent = whatever comes from now on */
	#tellGap(reason: GapReason, next?: LoggedEvent): void {
		const {userId, last, log} = this.#options;
		log.info({userId, from: last.latest(), reason}, 'stream.gap.told');
		for (const member of this.#members) {
			const mayKnow = (connectionId: string | null): boolean => member.mayKnow(connectionId);
			const to = next !== undefined && member.mayKnow(next.connectionId) ? next.id : null;
			member.send(gapFrame({from: last.latest(mayKnow), to, reason}));
		}
	}
}

function remember(ids: Set<string>, id: string, maxIds: number): void {
	ids.add(id);
	if (ids.size > maxIds) {
		const [oldest] = ids;
		if (oldest !== undefined) ids.delete(oldest);
	}
}
