import type {Connection} from './connection.ts';

/** Whether a phone is linked, as far as we know: a session that failed keeps its account until a QR code shows that it is gone. */
export function isLinked({status, me}: Pick<Connection, 'status' | 'me'>): boolean {
	return status === 'connected' || (status === 'failed' && me !== null);
}
