import type {SessionStatus} from '../events/vocabulary.ts';

/** What tenants read. `stopped` means deleted: hidden from lists, still readable by id. */
export type ConnectionStatus = 'pending' | 'scan_qr' | 'connected' | 'failed' | 'stopped';

/** The WhatsApp account behind a linked connection. */
export interface Account {
	/** `<digits>@c.us` */
	readonly id: string;
	readonly pushName: string | null;
}

/** A linked (or to be linked) WhatsApp number of a tenant. */
export interface Connection {
	readonly id: string;
	readonly userId: string;
	/** The worker that holds its session; null until one had room. */
	readonly workerId: string | null;
	readonly name: string | null;
	/** Unique over all tenants; the session's name in the engine. */
	readonly sessionName: string;
	/** Bare digits, once linked. */
	readonly phoneNumber: string | null;
	readonly me: Account | null;
	readonly status: ConnectionStatus;
	/** The engine time of the event that set `status`; older events do not change it. */
	readonly statusAt: Date;
	/** `NOWEB`, `GOWS` or `WEBJS`. */
	readonly engine: string;
	/** What the tenant wants; the supervisor works towards it. */
	readonly desiredState: 'running' | 'stopped';
	/** Since when it has had no slot, and so is stopped, its credentials kept; null = it is not suspended. */
	readonly suspendedAt: Date | null;
	/** When it was first linked; null for one that never was. */
	readonly linkedAt: Date | null;
	readonly createdAt: Date;
	readonly updatedAt: Date;
	readonly deletedAt: Date | null;
}

/** What a session says of itself. */
export interface SessionReport {
	readonly status: ConnectionStatus;
	/** Known only while linked. */
	readonly me: Account | null;
	/** The engine's time of this state, milliseconds since the epoch. */
	readonly atMs: number;
}

/**
 * What is to be reported of a session that its engine has lost. At the time of what is known, so that nothing the session says from
 * now on is too old, whatever its clock shows.
 */
export function lossOf({statusAt}: Connection): SessionReport {
	return {status: 'pending', me: null, atMs: statusAt.getTime()};
}

/** WAHA's word in ours; undefined for a state that changes nothing for the tenant (a reconnect, an unknown word). */
export function toConnectionStatus(status: SessionStatus | (string & {})): ConnectionStatus | undefined {
	switch (status) {
		case 'WORKING':
			return 'connected';
		case 'SCAN_QR_CODE':
			return 'scan_qr';
		case 'FAILED':
			return 'failed';
		default:
			return undefined;
	}
}

/** The digits of an account id (`15550001111@c.us`, `15550001111:12@s.whatsapp.net`). */
export function phoneNumberOf(accountId: string): string {
	return accountId.replace(/[:@].*$/s, '');
}

/** Reads an engine's `me`; undefined fields and foreign shapes give null. */
export function toAccount(me: unknown): Account | null {
	if (typeof me !== 'object' || me === null || !('id' in me) || typeof me.id !== 'string' || me.id === '') {
		return null;
	}
	const pushName = 'pushName' in me && typeof me.pushName === 'string' ? me.pushName : null;
	return {id: me.id, pushName};
}
