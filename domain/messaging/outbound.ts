/** What a tenant can send. Later kinds (image, document, …) join this union. */
export interface OutboundText {
	readonly kind: 'text';
	readonly text: string;
}

export type OutboundContent = OutboundText;

/** A message for an engine to send. */
export interface OutboundMessage {
	/** A WhatsApp id: `<digits>@c.us`, `<id>@g.us`, `<id>@lid`, `<id>@newsletter`. */
	readonly chatId: string;
	readonly content: OutboundContent;
	/** The id of the message to quote. */
	readonly replyTo?: string;
}

/** What sending gave. */
export interface SendReceipt {
	/** `true_<chat>_<key>`; null when the engine accepted it without telling an id. */
	readonly id: string | null;
	/** Unix seconds. */
	readonly timestamp: number;
}
