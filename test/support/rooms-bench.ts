import type {NewLoggedEvent} from '../../domain/ports/event-store.ts';
import {Rooms} from '../../gateway/ws/rooms.ts';
import {LossyFanout} from './lossy-fanout.ts';
import {ManualClock} from './manual-clock.ts';
import {RecordingLogger} from './recording-logger.ts';
import {RecordingMember} from './recording-member.ts';
import {ScriptedEventStore} from './scripted-event-store.ts';
import {makeStreamEvent} from './stream-event.ts';

/** Whose events they are, where a test does not say. */
export const USER = 'user-1';

/** Rooms whose live stream, log and time are in the hands of the test. */
export class RoomsBench {
	readonly clock = new ManualClock();
	readonly log = new RecordingLogger();
	readonly fanout = new LossyFanout({log: this.log});
	readonly events = new ScriptedEventStore();
	/** When connections were deleted. */
	readonly deletions = new Map<string, Date>();
	readonly rooms: Rooms;

	constructor(maxHeldBytes = 1024 * 1024) {
		const {fanout, events, clock, log} = this;
		const deleted = {deletedAt: (id: string) => Promise.resolve(this.deletions.get(id))};
		this.rooms = new Rooms({fanout, events, deleted, clock, log, maxHeldBytes});
	}

	/** Numbers `from` to `to`, received now. */
	make(from: number, to: number, userId = USER): readonly NewLoggedEvent[] {
		return Array.from({length: to - from + 1}, (_, index) => makeStreamEvent(userId, from + index, this.clock.now()));
	}

	async live(...events: readonly NewLoggedEvent[]): Promise<void> {
		for (const {id, event, userId, connectionId, body} of events) {
			await this.fanout.publish(userId, {eventId: id, event, connectionId, body: Buffer.from(body)});
		}
	}

	async both(...events: readonly NewLoggedEvent[]): Promise<void> {
		await this.events.append(events);
		await this.live(...events);
	}

	async join(since?: string, userId = USER): Promise<RecordingMember> {
		const member = new RecordingMember();
		await this.rooms.join(userId, member, since);
		await this.clock.advance(0);
		return member;
	}
}
