import type {DeletedConnections} from '../../domain/connections/deleted-connections.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {EventStore} from '../../domain/ports/event-store.ts';
import type {Fanout} from '../../domain/ports/fanout.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {EventLog} from './event-log.ts';
import {Room} from './room.ts';
import type {RoomMember} from './room-member.ts';

/** The rooms of this process: one for each user who has a client here, open as long as there is one. */
export class Rooms implements AsyncDisposable {
	readonly #fanout: Fanout;
	readonly #eventLog: EventLog;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #maxHeldBytes: number;
	readonly #rooms = new Map<string, Room>();
	readonly #gaps: Disposable;

	/** @param maxHeldBytes what one catch-up may keep of the live stream */
	constructor(options: {
		fanout: Fanout;
		events: EventStore;
		deleted: Pick<DeletedConnections, 'deletedAt'>;
		clock: Clock;
		log: Logger;
		maxHeldBytes: number;
	}) {
		this.#fanout = options.fanout;
		this.#eventLog = new EventLog({events: options.events, deleted: options.deleted});
		this.#clock = options.clock;
		this.#log = options.log;
		this.#maxHeldBytes = options.maxHeldBytes;
		this.#gaps = this.#fanout.onGap(() => {
			this.onGap();
		});
	}

	/** The number of open rooms. */
	get size(): number {
		return this.#rooms.size;
	}

	/** How many clients the user has here. */
	clientsOf(userId: string): number {
		return this.#rooms.get(userId)?.size ?? 0;
	}

	/** False for somebody who is still being brought up to date, and for a stranger. */
	isLive(userId: string, member: RoomMember): boolean {
		return this.#rooms.get(userId)?.isLive(member) ?? false;
	}

	/** Live frames may have been lost. @param userId whose; absent = anybody's */
	onGap(userId?: string): void {
		const rooms = userId === undefined ? [...this.#rooms.values()] : [this.#rooms.get(userId) ?? []].flat();
		if (rooms.length > 0) this.#log.info({rooms: rooms.length}, 'stream.gap.noticed');
		for (const room of rooms) room.onGap();
	}

	/**
	 * Resolves once the member misses nothing more. Whatever comes of it, `leave` is due when the member ends.
	 * @param since what it has: an event, a place in the log, or nothing (empty). It gets everything after that first, and is told when it
	 * is live; absent = it just gets what comes
	 * @throws {FanoutUnavailableError} the room cannot be had; the next one to join tries again
	 */
	async join(userId: string, member: RoomMember, since: string | undefined): Promise<void> {
		const room = this.#rooms.get(userId) ?? this.#open(userId);
		try {
			await room.join(member, since);
		} catch (error) {
			this.#close(userId, room);
			throw error;
		}
	}

	leave(userId: string, member: RoomMember): void {
		const room = this.#rooms.get(userId);
		room?.leave(member);
		if (room?.size === 0) {
			this.#close(userId, room);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#gaps[Symbol.dispose]();
		const rooms = [...this.#rooms.values()];
		this.#rooms.clear();
		await Promise.all(rooms.map((room) => room[Symbol.asyncDispose]()));
	}

	#open(userId: string): Room {
		const room = new Room({
			userId,
			fanout: this.#fanout,
			eventLog: this.#eventLog,
			clock: this.#clock,
			log: this.#log,
			maxHeldBytes: this.#maxHeldBytes,
		});
		this.#rooms.set(userId, room);
		return room;
	}

	/** In the background: nobody is left to wait for it. */
	#close(userId: string, room: Room): void {
		if (this.#rooms.get(userId) !== room) {
			return;
		}
		this.#rooms.delete(userId);
		room[Symbol.asyncDispose]().catch((error: unknown) => {
			this.#log.warn({error, userId}, 'stream.room.close.failed');
		});
	}
}
