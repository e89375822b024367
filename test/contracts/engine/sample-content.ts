import type {ContentKind, OpenFile, OutboundContent} from '../../../domain/messaging/outbound.ts';
import {fileOf} from './fixture.ts';

/** Large enough to need several pieces on any way. */
const FILE_BYTES = 200_000;

/** One of each kind. Files are what their type says by name only: no engine of this suite looks inside. */
export const SAMPLE_CONTENT = {
	text: {kind: 'text', text: 'Hi there!'},
	image: {kind: 'image', file: sample('image/png', 'picture.png'), caption: 'Have a look'},
	video: {kind: 'video', file: sample('video/mp4', 'film.mp4'), caption: 'Have a look'},
	document: {kind: 'document', file: sample('application/pdf', 'Grüße.pdf'), caption: 'Have a look'},
	audio: {kind: 'audio', file: sample('audio/mpeg', 'song.mp3'), voice: false},
	voice: {kind: 'audio', file: sample('audio/ogg; codecs=opus', 'note.ogg'), voice: true},
	sticker: {kind: 'sticker', file: sample('image/webp', 'sticker.webp')},
	location: {kind: 'location', latitude: 52.5, longitude: 13.4, name: 'Berlin', address: null},
	contact: {kind: 'contact', name: 'Ada, the first', phone: '15550004444'},
	poll: {kind: 'poll', question: 'Tea?', options: ['yes', 'no'], multipleAnswers: false},
} as const satisfies Readonly<Record<ContentKind | 'voice', OutboundContent<OpenFile>>>;

function sample(mimetype: string, filename: string): OpenFile & {readonly bytes: Buffer} {
	const bytes = Buffer.alloc(FILE_BYTES, `${filename} `);
	return {...fileOf(bytes, mimetype, filename), bytes};
}
