/** What can be sent; the word of the capability table is `send.<kind>`. */
export const CONTENT_KINDS = [
	'text',
	'image',
	'video',
	'document',
	'audio',
	'sticker',
	'location',
	'contact',
	'poll',
] as const;

export type ContentKind = (typeof CONTENT_KINDS)[number];

/** Where the bytes of a file are until a dispatcher sends them. They never cross the broker. */
export type FileSource =
	/** The tenant's own URL: fetched by the dispatcher, under the rules of webhook addresses. */
	| {readonly kind: 'url'; readonly url: string}
	/** In the media store, under the connection. */
	| {readonly kind: 'stored'; readonly filename: string; readonly sha256: string};

/** A file on its way to be sent. */
export interface OutboundFile {
	readonly source: FileSource;
	/** As the tenant named it; null = inferred from content, then from the name. */
	readonly mimetype: string | null;
	/** What the recipient sees; null = inferred. */
	readonly filename: string | null;
}

/** A file that an engine can read, as often as it likes. */
export interface OpenFile {
	readonly mimetype: string;
	readonly filename: string;
	readonly sizeBytes: number;
	/** From the start, each time. */
	readonly open: () => AsyncIterable<Uint8Array>;
}

/** What a message says. @typeParam File where its file is: at its source, or open for an engine */
export type OutboundContent<File = OutboundFile> =
	| {readonly kind: 'text'; readonly text: string}
	| {readonly kind: 'image' | 'video' | 'document'; readonly file: File; readonly caption: string | null}
	/** `voice`: shown as a voice note, which WhatsApp wants as OGG/Opus. */
	| {readonly kind: 'audio'; readonly file: File; readonly voice: boolean}
	| {readonly kind: 'sticker'; readonly file: File}
	| {
			readonly kind: 'location';
			readonly latitude: number;
			readonly longitude: number;
			readonly name: string | null;
			readonly address: string | null;
	  }
	/** `phone`: digits only. Engines that want a vCard make it with `toVcard`. */
	| {readonly kind: 'contact'; readonly name: string; readonly phone: string}
	| {
			readonly kind: 'poll';
			readonly question: string;
			readonly options: readonly string[];
			readonly multipleAnswers: boolean;
	  };

/** A message for an engine to send. */
export interface OutboundMessage<File = OutboundFile> {
	/** A WhatsApp id: `<digits>@c.us`, `<id>@g.us`, `<id>@lid`, `<id>@newsletter`. */
	readonly chatId: string;
	readonly content: OutboundContent<File>;
	/** The id of the message to quote. */
	readonly replyTo?: string;
	/** Ids of the people whom the text mentions as `@<digits>`; `['all']` is everybody in a group. */
	readonly mentions?: readonly string[];
}

/** What sending gave. */
export interface SendResult {
	/** `true_<chat>_<key>`; null when the engine accepted it without telling an id. */
	readonly id: string | null;
	/** Unix seconds. */
	readonly timestamp: number;
}

/** The file of a content that has one. */
export function fileOf<File>(content: OutboundContent<File>): File | undefined {
	return 'file' in content ? content.file : undefined;
}

/** The same content with another view of its file. */
export function withFile<From, To>(content: OutboundContent<From>, file: To | undefined): OutboundContent<To> {
	if (!('file' in content)) return content;
	if (file === undefined) throw new Error(`a ${content.kind} needs its file`);
	return {...content, file};
}
