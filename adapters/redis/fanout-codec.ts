import type {FanoutFrame} from '../../domain/ports/fanout.ts';

const NEWLINE = 0x0a;

/** What goes before the body, as one line of JSON. */
interface Header {
	readonly id: string;
	readonly event: string;
	readonly connection: string | null;
}

/** One line of JSON (what sockets filter by), then the body's bytes as they are. */
export function encodeFrame({eventId, event, connectionId, body}: FanoutFrame): Buffer {
	const header: Header = {id: eventId, event, connection: connectionId};
	return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]);
}

/** @throws {SyntaxError} it is no frame of ours */
export function decodeFrame(bytes: Buffer): FanoutFrame {
	const end = bytes.indexOf(NEWLINE);
	const header: unknown = JSON.parse(bytes.toString('utf8', 0, Math.max(end, 0)));
	if (!isHeader(header)) {
		throw new SyntaxError('not the header of a frame');
	}
	return {eventId: header.id, event: header.event, connectionId: header.connection, body: bytes.subarray(end + 1)};
}

function isHeader(value: unknown): value is Header {
	if (typeof value !== 'object' || value === null) {
		return false;
	}
	const {id, event, connection} = value as Partial<Record<keyof Header, unknown>>;
	return typeof id === 'string' && typeof event === 'string' && (connection === null || typeof connection === 'string');
}
