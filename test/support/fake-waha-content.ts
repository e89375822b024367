/** The engines whose shapes the fake speaks. */
export type FakeEngine = 'GOWS' | 'NOWEB' | 'WEBJS';

/** Kinds of files as WEBJS names them; `ptt` is a voice note. */
export type FakeFileType = 'image' | 'video' | 'audio' | 'ptt' | 'document' | 'sticker';

export interface FakeFile {
	readonly kind: 'file';
	readonly type: FakeFileType;
	readonly mimetype: string;
	readonly filename: string | null;
	readonly caption: string;
	readonly bytes: Buffer;
}

/** What a message says. */
export type FakeContent =
	| {readonly kind: 'text'; readonly text: string}
	| FakeFile
	| {readonly kind: 'location'; readonly latitude: number; readonly longitude: number; readonly title: string}
	| {readonly kind: 'contact'; readonly vcard: string}
	| {
			readonly kind: 'poll';
			readonly name: string;
			readonly options: readonly string[];
			readonly multipleAnswers: boolean;
	  };

/** The fields of a WAMessage that depend on the content, media apart. */
export function fieldsOfContent(content: FakeContent, engine: FakeEngine): Readonly<Record<string, unknown>> {
	const isWebjs = engine === 'WEBJS';
	return {
		body: bodyOf(content, isWebjs),
		hasMedia: content.kind === 'file',
		location: content.kind === 'location' ? locationOf(content) : null,
		vCards: content.kind === 'contact' ? [content.vcard] : isWebjs ? [] : null,
	};
}

/** The message in WhatsApp's own protocol: what NOWEB and GOWS have in `_data`, with the addresses and keys of files. */
export function protocolMessageOf(content: FakeContent, engine: FakeEngine): object {
	switch (content.kind) {
		case 'text':
			return engine === 'GOWS' ? {conversation: content.text} : {extendedTextMessage: {text: content.text}};
		case 'file':
			return {[`${content.type === 'ptt' ? 'audio' : content.type}Message`]: protocolFileOf(content, engine)};
		case 'location': {
			const {latitude: degreesLatitude, longitude: degreesLongitude, title: name} = content;
			return {locationMessage: {degreesLatitude, degreesLongitude, name}};
		}
		case 'contact':
			return {contactMessage: {vcard: content.vcard}};
		case 'poll': {
			const options = content.options.map((optionName) => ({optionName}));
			const selectableOptionsCount = content.multipleAnswers ? 0 : 1;
			return {pollCreationMessageV3: {name: content.name, options, selectableOptionsCount}};
		}
	}
}

/** The word of WEBJS for the content. */
export function webjsTypeOf(content: FakeContent): string {
	const words = {text: 'chat', location: 'location', contact: 'vcard', poll: 'poll_creation'};
	return content.kind === 'file' ? content.type : words[content.kind];
}

function protocolFileOf({type, mimetype, caption, filename, bytes}: FakeFile, engine: FakeEngine): object {
	const isGows = engine === 'GOWS';
	return {
		[isGows ? 'URL' : 'url']: 'https://mmg.whatsapp.net/v/t62.7118-24/0000000_n.enc?ccb=11-4',
		mimetype,
		caption,
		fileName: filename,
		fileLength: String(bytes.length),
		mediaKey: 'wZ+JpwV2cMI5RnhezwTh3iP1neOMTfevL5MnK49oqUg=',
		directPath: '/v/t62.7118-24/0000000_n.enc',
		[isGows ? 'PTT' : 'ptt']: type === 'ptt',
	};
}

/** WEBJS tells a contact's card and a location's thumbnail as the text. */
function bodyOf(content: FakeContent, isWebjs: boolean): string | null {
	switch (content.kind) {
		case 'text':
			return content.text;
		case 'file':
			return content.caption === '' ? null : content.caption;
		case 'location':
			return isWebjs ? '/9j/4AAQSkZJRg==' : null;
		case 'contact':
			return isWebjs ? content.vcard : null;
		case 'poll':
			return null;
	}
}

function locationOf({latitude, longitude, title}: Extract<FakeContent, {kind: 'location'}>): object {
	return {live: false, latitude: String(latitude), longitude: String(longitude), name: title, description: ''};
}
