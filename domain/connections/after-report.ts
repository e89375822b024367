import {phoneNumberOf, type Account, type Connection, type SessionReport} from './connection.ts';

/** What a report makes of a connection. */
export interface AppliedReport {
	readonly connection: Connection;
	/** False when only `statusAt` moved: the session said again what was known. */
	readonly changed: boolean;
}

/**
 * The connection as a session's report leaves it; undefined when it changes nothing any more: a later report was applied, or
 * the connection is deleted. A QR code to scan means that no phone is linked, and so does a session that its engine has lost
 * (`pending`), for its credentials went with it: account and number go. Every other state keeps them.
 */
export function afterReport(connection: Connection, report: SessionReport): AppliedReport | undefined {
	if (connection.deletedAt !== null || report.atMs < connection.statusAt.getTime()) {
		return undefined;
	}
	const at = new Date(report.atMs);
	const me = accountAfter(connection.me, report);
	const changed = report.status !== connection.status || !sameAccount(me, connection.me);
	return {
		connection: {
			...connection,
			status: report.status,
			statusAt: at,
			me,
			phoneNumber: me === null ? null : phoneNumberOf(me.id),
			linkedAt: connection.linkedAt ?? (report.status === 'connected' ? at : null),
			updatedAt: changed && at > connection.updatedAt ? at : connection.updatedAt,
		},
		changed,
	};
}

function accountAfter(known: Account | null, report: SessionReport): Account | null {
	switch (report.status) {
		case 'connected':
			return report.me ?? known;
		case 'scan_qr':
		case 'pending':
			return null;
		default:
			return known;
	}
}

function sameAccount(left: Account | null, right: Account | null): boolean {
	return left?.id === right?.id && left?.pushName === right?.pushName;
}
