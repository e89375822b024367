import type {CloseReason} from './close-reason.ts';
import type {EventSocket} from './event-socket.ts';

/** Whose socket it is, by which token. */
export interface Admission {
	/** An API token or a JWT. Kept to check it again; never logged. */
	readonly token: string;
	/** Null for a JWT. */
	readonly tokenId: string | null;
	readonly userId: string;
}

/** The sockets of this process that are not closed yet; each without an admission until (and unless) it is admitted. */
export class OpenSockets {
	readonly #admissions = new Map<EventSocket, Admission | undefined>();

	get size(): number {
		return this.#admissions.size;
	}

	add(socket: EventSocket): void {
		this.#admissions.set(socket, undefined);
	}

	admit(socket: EventSocket, admission: Admission): void {
		this.#admissions.set(socket, admission);
	}

	admissionOf(socket: EventSocket): Admission | undefined {
		return this.#admissions.get(socket);
	}

	remove(socket: EventSocket): void {
		this.#admissions.delete(socket);
	}

	/** As of now, admitted or not. */
	all(): readonly EventSocket[] {
		return [...this.#admissions.keys()];
	}

	/** The tokens of those that are admitted. */
	tokens(): ReadonlySet<string> {
		return new Set([...this.#admissions.values()].flatMap((admission) => admission?.token ?? []));
	}

	/** Closes those whose admission is concerned. */
	closeWhere(concerns: (admission: Admission) => boolean, reason: CloseReason): void {
		for (const [socket, admission] of this.#admissions) {
			if (admission !== undefined && concerns(admission)) {
				socket.close(reason);
			}
		}
	}
}
