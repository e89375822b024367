import type {UpstreamEvent} from '../../../domain/events/upstream-event.ts';
import type {SessionStatus} from '../../../domain/events/vocabulary.ts';
import type {SimulatedAccount} from '../session-state.ts';

/** The release of WAHA whose NOWEB engine these events look like. */
const WAHA_VERSION = '2026.7.1';

const ENVIRONMENT = {
	version: WAHA_VERSION,
	engine: 'NOWEB',
	tier: 'CORE',
	browser: null,
	platform: 'linux/x64',
	worker: {id: 'simulator'},
} as const;

/** A ban on new chats, as newer releases report it. */
export interface ReachoutTimelock {
	readonly enforcementType: 'RESTRICT_ALL_COMPANIONS';
	readonly isActive: boolean;
	/** Unix seconds. */
	readonly timeEnforcementEnds: number;
}

/** `me` of an envelope. */
export interface ReportedAccount extends SimulatedAccount {
	readonly reachoutTimelock?: ReachoutTimelock;
}

/** A status with its moment, milliseconds since the epoch. */
export interface StatusChange {
	readonly status: SessionStatus;
	readonly timestamp: number;
}

/** What goes to the sink: a payload of NOWEB's in WAHA's frame. */
export function envelope(
	frame: {
		readonly session: string;
		readonly id: string;
		readonly timestampMs: number;
		readonly me: ReportedAccount | null;
	},
	event: string,
	payload: object,
): UpstreamEvent {
	return {...frame, event, payload, engine: 'NOWEB', environment: ENVIRONMENT};
}

/** @param statuses the latest changes, this one last; three are reported */
export function sessionStatus(name: string, statuses: readonly StatusChange[], timelock?: ReachoutTimelock): object {
	return {
		name,
		status: statuses.at(-1)?.status,
		statuses: statuses.slice(-3),
		data: timelock === undefined ? null : {reachoutTimelock: timelock},
	};
}
