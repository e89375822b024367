import type {EventSubject, RoomMember} from '../../gateway/ws/room-member.ts';
import type {StreamFrame} from '../../gateway/ws/stream-frame.ts';
import type {ProbeFrame} from './stream-probe.ts';

/** A client of a room that takes everything and notes it. */
export class RecordingMember implements RoomMember {
	readonly frames: ProbeFrame[] = [];
	/** Set by tests: no room until then. */
	full: Promise<void> | undefined;

	/** Set by tests: it may have events of these connections only. */
	connectionIds: readonly string[] | undefined;

	get isFull(): boolean {
		return this.full !== undefined;
	}

	get ids(): readonly string[] {
		return this.frames.flatMap(({id}) => id ?? []);
	}

	get gaps(): readonly ProbeFrame[] {
		return this.frames.filter(({type}) => type === 'gap');
	}

	concerns({connectionId}: EventSubject): boolean {
		return this.mayKnow(connectionId);
	}

	mayKnow(connectionId: string | null): boolean {
		return this.connectionIds?.includes(connectionId ?? '') ?? true;
	}

	send(frame: StreamFrame): void {
		this.frames.push(JSON.parse(frame.body.toString()) as ProbeFrame);
	}

	async drained(): Promise<void> {
		await this.full;
		this.full = undefined;
	}
}
