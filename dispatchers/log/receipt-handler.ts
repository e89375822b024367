import {Batch} from '../../domain/batch.ts';
import {ACK, type Disposition} from '../../domain/broker/disposition.ts';
import {decodeEvent} from '../../domain/broker/messages.ts';
import type {PreparedEvent} from '../../domain/events/envelope.ts';
import {messageKeyOf, readMessageId} from '../../domain/messaging/message-id.ts';
import {receiptLevelOf} from '../../domain/messaging/message-life.ts';
import type {Message} from '../../domain/ports/broker.ts';
import type {Clock} from '../../domain/ports/clock.ts';
import type {CommandStore, Receipt} from '../../domain/ports/command-store.ts';
import {readEnvelope} from '../read-envelope.ts';

const MAX_RECEIPTS = 200;

/**
 * Longer than other batches wait: some engines tell a message's key only in their answer to the send, and acknowledgements are
 * sometimes faster than that answer is stored.
 */
const MAX_DELAY_MS = 1000;

/** Notes how far sent messages got, from their acknowledgements, many at once. */
export class ReceiptHandler {
	readonly #batch: Batch<Receipt>;

	constructor({commands, clock}: {commands: CommandStore; clock: Clock}) {
		this.#batch = new Batch({
			maxItems: MAX_RECEIPTS,
			maxDelayMs: MAX_DELAY_MS,
			serial: true,
			clock,
			flush: (receipts) => commands.acknowledge(receipts),
		});
	}

	/** @throws {StoreUnavailableError} @throws {MalformedMessageError} */
	async handle(message: Message): Promise<Disposition> {
		const receipt = receiptOf(decodeEvent(message));
		if (receipt !== undefined) {
			await this.#batch.add(receipt);
		}
		return ACK;
	}
}

/** Undefined for an acknowledgement that tells nothing of a message of ours. */
function receiptOf({connectionId, body}: PreparedEvent): Receipt | undefined {
	const {timestamp, payload} = readEnvelope(body);
	if (connectionId === null || typeof payload !== 'object' || payload === null) {
		return undefined;
	}
	const {id, ack, fromMe}: {id?: unknown; ack?: unknown; fromMe?: unknown} = payload;
	const level = receiptLevelOf(ack);
	// What we read of others is acknowledged, too. A bare key does not tell whose message it is: its row does.
	if (level === undefined || typeof id !== 'string' || fromMe === false || readMessageId(id)?.fromMe === false) {
		return undefined;
	}
	return {connectionId, messageKey: messageKeyOf(id), level, at: new Date(timestamp)};
}
