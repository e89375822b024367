import {EngineError} from '../../../domain/errors.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {MediaAvailability} from '../../../domain/ports/simulator-control.ts';
import type {EngineFile} from '../../../domain/ports/whatsapp-engine.ts';
import type {Seed} from '../seed.ts';
import {drawnBytes} from './drawn-file.ts';
import {KeptFiles} from './kept-files.ts';
import type {Measure, SimulatedFile} from './simulated-file.ts';

/** Where NOWEB says that its files are, unless it is told otherwise. */
const BASE_URL = 'http://localhost:3000/api/files';

/** WAHA's `WHATSAPP_FILES_LIFETIME`, counted from when the file was fetched. */
const LIFETIME_MS = 180_000;

/** WAHA's extensions of the usual types; it writes `false` for a type that it does not know. */
const EXTENSIONS: ReadonlyMap<string, string> = new Map([
	['image/jpeg', 'jpeg'],
	['image/png', 'png'],
	['image/gif', 'gif'],
	['image/webp', 'webp'],
	['video/mp4', 'mp4'],
	['audio/ogg', 'oga'],
	['audio/mpeg', 'mpga'],
	['application/pdf', 'pdf'],
	['application/zip', 'zip'],
	['application/json', 'json'],
	['application/octet-stream', 'bin'],
	['text/plain', 'txt'],
	['text/csv', 'csv'],
]);

interface Shelved {
	readonly file: SimulatedFile;
	readonly untilMs: number;
}

/** One session's files of events: each can be fetched for 180 s under the URL that the event gave, as from WAHA. */
export class FileShelf {
	readonly #session: string;
	readonly #clock: Clock;
	readonly #seed: Seed;
	readonly #kept = new KeptFiles();
	readonly #shelved = new Map<string, Shelved>();
	/** Whether files can be fetched as usual, only again, or not at all. */
	availability: MediaAvailability = 'served';

	constructor({session, clock, seed}: {session: string; clock: Clock; seed: Seed}) {
		this.#session = session;
		this.#clock = clock;
		this.#seed = seed;
	}

	/** A file whose bytes are given. Large ones are only known by their measure. */
	take({sizeBytes, sha256, bytes}: Measure, about: Pick<SimulatedFile, 'mimetype' | 'filename'>): SimulatedFile {
		if (bytes !== null) {
			this.#kept.add(sha256, bytes);
		}
		return {mimetype: about.mimetype, filename: about.filename, sizeBytes, sha256, drawnFrom: null};
	}

	/** Serves a message's file for a while. Resolves to its URL; null when its bytes are not at hand. */
	serve(key: string, file: SimulatedFile): string | null {
		if (!this.#has(file)) {
			return null;
		}
		const name = nameOf(key, file);
		const nowMs = this.#clock.now();
		for (const [old, {untilMs}] of this.#shelved) {
			if (untilMs <= nowMs) this.#shelved.delete(old);
		}
		this.#shelved.delete(name);
		this.#shelved.set(name, {file, untilMs: nowMs + LIFETIME_MS});
		return `${BASE_URL}/${this.#session}/${name}`;
	}

	/** @throws {EngineError} MEDIA_NOT_FOUND for a URL of another session, too */
	open(url: string, signal: AbortSignal): EngineFile {
		const [, session, name] = /\/api\/files\/([^/?#]+)\/([^/?#]+)/.exec(url) ?? [];
		if (session !== this.#session || name === undefined) {
			throw notFound();
		}
		return this.openByName(name, signal);
	}

	/** @throws {EngineError} MEDIA_NOT_FOUND */
	openByName(name: string, signal: AbortSignal): EngineFile {
		const found = this.#shelved.get(name);
		if (found === undefined || found.untilMs <= this.#clock.now() || this.availability !== 'served') {
			throw notFound();
		}
		return this.#read(found.file, signal);
	}

	/** Fetches the file anew, and serves it again. @throws {EngineError} MEDIA_NOT_FOUND its bytes are gone for good */
	openAgain(key: string, file: SimulatedFile, signal: AbortSignal): EngineFile & {readonly filename: string} {
		if (this.availability === 'gone' || this.serve(key, file) === null) {
			throw notFound();
		}
		return {...this.#read(file, signal), filename: nameOf(key, file)};
	}

	/** Forgets everything, as with the credentials. */
	clear(): void {
		this.#shelved.clear();
		this.#kept.clear();
	}

	#has({drawnFrom, sha256}: SimulatedFile): boolean {
		return drawnFrom !== null || this.#kept.find(sha256) !== undefined;
	}

	#read(file: SimulatedFile, signal: AbortSignal): EngineFile {
		signal.throwIfAborted();
		const kept = this.#kept.find(file.sha256);
		if (file.drawnFrom === null && kept === undefined) {
			throw notFound();
		}
		const bytes = kept === undefined ? drawnBytes(file, this.#seed) : [kept];
		return {contentType: file.mimetype, sizeBytes: file.sizeBytes, content: until(signal, bytes)};
	}
}

/** Ends with the signal's reason once it is aborted. */
async function* until(
	signal: AbortSignal,
	content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
	for await (const chunk of content) {
		signal.throwIfAborted();
		yield chunk;
	}
}

function nameOf(key: string, {mimetype}: SimulatedFile): string {
	return `${key}.${EXTENSIONS.get(mimetype.replace(/;.*$/, '').trim().toLowerCase()) ?? 'false'}`;
}

function notFound(): EngineError {
	return new EngineError('MEDIA_NOT_FOUND', 'The engine does not hold this file (any more)');
}
