import type {EventSubject, RoomMember} from '../../gateway/ws/room-member.ts';
import type {StreamFrame} from '../../gateway/ws/stream-frame.ts';
import type {ProbeFrame} from './stream-probe.ts';

/** A client of a room that takes everything and notes it. */
export class RecordingMember implements RoomMember {
	/** All but those that tell that the stream is live. */
	readonly frames: ProbeFrame[] = [];
	/** What it was told to come back with. */
	readonly ready: (string | null | undefined)[] = [];
	/** How many frames came before that. */
	framesBeforeReady = 0;
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
		const said = JSON.parse(frame.body.toString()) as ProbeFrame;
		if (said.type === 'ready') {
			this.ready.push(said.since);
			this.framesBeforeReady = this.frames.length;
		} else {
			this.frames.push(said);
		}
	}

	async drained(): Promise<void> {
		await this.full;
		this.full = undefined;
	}
}
