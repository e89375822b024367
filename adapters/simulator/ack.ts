/** How far a message has come, in WhatsApp's numbers. */
export const ACK = {ERROR: -1, PENDING: 0, SERVER: 1, DEVICE: 2, READ: 3, PLAYED: 4} as const;

export type Ack = (typeof ACK)[keyof typeof ACK];
export type AckName = keyof typeof ACK;

const NAMES = new Map<number, AckName>(Object.entries(ACK).map(([name, ack]) => [ack, name as AckName]));

/** False for a number that WhatsApp does not use. */
export function isAck(value: number): value is Ack {
	return NAMES.has(value);
}

/** What events say beside the number. */
export function ackName(ack: Ack): AckName {
	return NAMES.get(ack) ?? 'ERROR';
}
