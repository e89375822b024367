import type {CapabilityTable} from '../../domain/ports/whatsapp-engine.ts';

const YES = {level: 'yes'} as const;

/** What the simulator can do. */
export const CAPABILITIES: CapabilityTable = {
	qr: YES,
	'pairing-code': {level: 'yes', note: 'the simulator route `scan` stands for typing it into the phone, too'},
	me: YES,
	'client-message-id': YES,
	'send.text': {level: 'yes', note: 'every group and channel id counts as one that the account is in'},
	'send.image': YES,
	'send.video': YES,
	'send.document': YES,
	'send.audio': YES,
	'send.sticker': {level: 'yes', note: 'WebP pictures only, as WhatsApp has them'},
	'send.location': YES,
	'send.contact': YES,
	'send.poll': YES,
	reply: {level: 'yes', note: 'the quote of a message that is not remembered is dropped, as NOWEB does it'},
	mentions: YES,
	edit: {level: 'yes', note: 'own texts, for 15 minutes'},
	revoke: {level: 'yes', note: 'own messages, for 60 hours'},
	forward: YES,
	react: YES,
	'mark-read': YES,
	typing: YES,
	chats: {level: 'degraded', note: 'the latest 50 chats'},
	messages: {level: 'degraded', note: 'the latest 100 messages of each of them; about 1 MB of text in all'},
	contacts: {level: 'degraded', note: 'the people of those chats'},
	'profile-picture': {level: 'degraded', note: 'addresses that lead nowhere'},
	media: YES,
	'media-again': {
		level: 'degraded',
		note: 'files that were sent or given, and not drawn, are kept up to 1 MB each, 8 MB in all, until the process ends',
	},
};
