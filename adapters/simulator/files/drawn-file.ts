import type {Seed} from '../seed.ts';
import {endlessBytes} from './endless-bytes.ts';
import {mosaicJpeg} from './mosaic-jpeg.ts';
import {mosaicVideo} from './mosaic-video.ts';
import {onePagePdf} from './one-page-pdf.ts';
import {silentVoiceNote} from './silent-voice-note.ts';
import {measure, type FileKind, type SimulatedFile} from './simulated-file.ts';

/** What contacts send when nobody says which file. */
export type DrawnKind = Extract<FileKind, 'image' | 'video' | 'document' | 'audio'>;

const MIMETYPES = {
	image: 'image/jpeg',
	video: 'video/mp4',
	document: 'application/pdf',
	audio: 'audio/ogg; codecs=opus',
} as const satisfies Record<DrawnKind, string>;

/** Of a document whose size is given: it is of no format. */
const ANY_BYTES = 'application/octet-stream';

/** A real file of this kind, other bytes for each name. @param sizeBytes for documents: so many bytes of no format */
export async function drawFile(kind: DrawnKind, name: string, seed: Seed, sizeBytes?: number): Promise<SimulatedFile> {
	const mimetype = sizeBytes === undefined ? MIMETYPES[kind] : ANY_BYTES;
	const filename = kind === 'document' ? `document-${name.slice(-6)}.${sizeBytes === undefined ? 'pdf' : 'bin'}` : null;
	const unmeasured = {mimetype, filename, sizeBytes: sizeBytes ?? 0, drawnFrom: name};
	const {sizeBytes: size, sha256} = await measure(drawnBytes(unmeasured, seed));
	return {...unmeasured, sizeBytes: size, sha256};
}

/** The bytes of a drawn file, each time from the start. */
export async function* drawnBytes(
	{mimetype, drawnFrom, sizeBytes}: Omit<SimulatedFile, 'sha256'>,
	seed: Seed,
): AsyncGenerator<Uint8Array, void, undefined> {
	const own = seed.child('file', drawnFrom ?? '');
	switch (mimetype) {
		case MIMETYPES.image:
			yield mosaicJpeg(own);
			break;
		case MIMETYPES.video:
			yield mosaicVideo(own);
			break;
		case MIMETYPES.audio:
			yield silentVoiceNote(own);
			break;
		case MIMETYPES.document:
			yield onePagePdf(`Document ${drawnFrom ?? ''}`);
			break;
		default:
			yield* endlessBytes(own, sizeBytes);
	}
}
