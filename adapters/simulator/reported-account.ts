import type {SessionStatus} from '../../domain/events/vocabulary.ts';
import type {ReachoutTimelock, ReportedAccount} from './noweb/envelope.ts';
import type {SessionState} from './session-state.ts';

/** `me` as an event of now carries it: WAHA knows the account only while its engine runs. */
export function reportedAccount(state: SessionState, status: SessionStatus, nowMs: number): ReportedAccount | null {
	if (state.account === null || status === 'STOPPED' || status === 'FAILED') {
		return null;
	}
	const reachoutTimelock = timelockOf(state, nowMs);
	return {...state.account, ...(reachoutTimelock && {reachoutTimelock})};
}

/** The ban on new chats; undefined when there is none (any more). */
export function timelockOf({restrictedUntilMs}: SessionState, nowMs: number): ReachoutTimelock | undefined {
	if (restrictedUntilMs <= nowMs) {
		return undefined;
	}
	return {
		enforcementType: 'RESTRICT_ALL_COMPANIONS',
		isActive: true,
		timeEnforcementEnds: Math.floor(restrictedUntilMs / 1000),
	};
}
