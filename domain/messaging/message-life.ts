import type {CommandRecord, ReceiptLevel} from './command.ts';

/** What became of a message, in the words that tenants read. `played` counts as read. */
export type MessageStatus = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'unknown';

/** One step of a message's life. */
export interface MessageStep {
	readonly status: MessageStatus;
	readonly at: Date;
}

const STATUS_OF_RECEIPT = {
	server: 'sent',
	device: 'delivered',
	read: 'read',
	played: 'read',
	error: 'failed',
} as const satisfies Record<ReceiptLevel, MessageStatus>;

/** Later levels imply the earlier ones; an error counts only while nobody has the message. */
const RECEIPT_LEVELS: readonly ReceiptLevel[] = ['server', 'error', 'device', 'read', 'played'];

/** WAHA's numbers: -1 error, 0 pending, 1 server, 2 device, 3 read, 4 played. Undefined for what tells nothing. */
export function receiptLevelOf(ack: unknown): ReceiptLevel | undefined {
	switch (ack) {
		case -1:
			return 'error';
		case 1:
			return 'server';
		case 2:
			return 'device';
		case 3:
			return 'read';
		case 4:
			return 'played';
		default:
			return undefined;
	}
}

/** The same for a message that was not sent through this gateway. */
export function statusOfAck(ack: unknown): MessageStatus | null {
	const level = receiptLevelOf(ack);
	return level === undefined ? null : STATUS_OF_RECEIPT[level];
}

/** Where a sent message is now: the furthest acknowledgement, else how its command stands. */
export function statusOf({status, receipts}: Pick<CommandRecord, 'status' | 'receipts'>): MessageStatus {
	const furthest = RECEIPT_LEVELS.findLast((level) => receipts[level] !== undefined);
	return furthest === undefined ? status : STATUS_OF_RECEIPT[furthest];
}

/**
 * Every step that is known, oldest first; a status is told once, when it was reached first. Nothing happens before it was asked for,
 * whatever an engine's clock says.
 */
export function timelineOf(record: CommandRecord): readonly MessageStep[] {
	const {createdAt, status, sentTimestamp, updatedAt, receipts} = record;
	const notBefore = (atMs: number): Date => new Date(Math.max(atMs, createdAt.getTime()));
	const steps: MessageStep[] = [{status: 'queued', at: createdAt}];
	if (sentTimestamp !== null) {
		steps.push({status: 'sent', at: notBefore(sentTimestamp * 1000)});
	} else if (status !== 'queued') {
		steps.push({status, at: notBefore(updatedAt.getTime())});
	}
	for (const level of RECEIPT_LEVELS) {
		const at = receipts[level];
		if (at !== undefined) steps.push({status: STATUS_OF_RECEIPT[level], at: notBefore(at.getTime())});
	}
	const inOrder = steps.toSorted((left, right) => left.at.getTime() - right.at.getTime());
	return inOrder.filter(({status: reached}, index) => inOrder.findIndex((step) => step.status === reached) === index);
}
