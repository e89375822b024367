import {ValidationError} from '../../domain/errors.ts';
import {
	MAX_DRAWN_BYTES,
	type SimulatedMedia,
	type SimulatedMessage,
	type SimulatedType,
} from '../../domain/ports/simulator-control.ts';
import {drawFile} from './files/drawn-file.ts';
import type {FileShelf} from './files/file-shelf.ts';
import {MAX_KEPT_FILE_BYTES, measure, type SimulatedContent, type SimulatedFile} from './files/simulated-file.ts';
import type {Seed} from './seed.ts';

const KINDS = {image: 'image', video: 'video', document: 'document', voice: 'audio'} as const satisfies Partial<
	Record<SimulatedType, SimulatedContent['kind']>
>;

/** The type of a contact's message: as told, else what fits its file. */
export function typeOf({type, media, sizeBytes}: SimulatedMessage): SimulatedType {
	if (type !== undefined) {
		return type;
	}
	if (media === undefined) {
		return sizeBytes === undefined ? 'text' : 'document';
	}
	const [, family] = /^(image|video|audio)\//.exec(media.mimetype) ?? [];
	return family === 'audio' ? 'voice' : ((family as SimulatedType | undefined) ?? 'document');
}

/**
 * The file of a contact's message: the one that is given, else a real one that is drawn for it; undefined for texts.
 * @throws {ValidationError} it is too large, empty or no base64, or the type has no such file
 */
export async function incomingFile(
	message: SimulatedMessage,
	key: string,
	{files, seed}: {readonly files: FileShelf; readonly seed: Seed},
): Promise<SimulatedFile | undefined> {
	const type = typeOf(message);
	const {media, sizeBytes} = message;
	requireFitting(type, message);
	if (type === 'text') {
		return undefined;
	}
	if (media === undefined) {
		return drawFile(KINDS[type], key, seed, sizeBytes);
	}
	const filename = media.filename ?? null;
	return files.take(await measure(chunksOf(decode(media))), {mimetype: media.mimetype, filename});
}

/** What a contact's message says. */
export function incomingContent(type: SimulatedType, text: string, file: SimulatedFile | undefined): SimulatedContent {
	if (type === 'text' || file === undefined) {
		return {kind: 'text', text};
	}
	return type === 'voice' ? {kind: 'audio', file, voice: true} : {kind: KINDS[type], file, caption: text};
}

function requireFitting(type: SimulatedType, {media, sizeBytes}: SimulatedMessage): void {
	if (type === 'text' && media !== undefined) {
		throw new ValidationError('media needs a type that has a file: image, video, document or voice');
	}
	if (sizeBytes === undefined) {
		return;
	}
	if (type !== 'document' || media !== undefined) {
		throw new ValidationError('sizeBytes is for documents without media of their own');
	}
	if (!Number.isInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > MAX_DRAWN_BYTES) {
		throw new ValidationError(`sizeBytes must be a whole number from 1 to ${MAX_DRAWN_BYTES}`);
	}
}

function decode({data}: SimulatedMedia): Buffer {
	const sizeBytes = Buffer.byteLength(data, 'base64');
	if (sizeBytes > MAX_KEPT_FILE_BYTES) {
		throw new ValidationError(
			`media.data must be at most ${MAX_KEPT_FILE_BYTES} bytes: use sizeBytes for a large file`,
		);
	}
	const bytes = Buffer.from(data, 'base64');
	if (sizeBytes === 0 || bytes.toString('base64').replace(/=+$/, '') !== data.replace(/=+$/, '')) {
		throw new ValidationError('media.data must be the base64 of a file');
	}
	return bytes;
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
	yield await Promise.resolve(bytes);
}
