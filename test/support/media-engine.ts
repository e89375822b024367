import {EngineError} from '../../domain/errors.ts';
import type {EngineFile, EngineMedia, MessageTarget, WhatsAppEngine} from '../../domain/ports/whatsapp-engine.ts';
import type {Worker} from '../../domain/workers/worker.ts';
import {inChunks} from './media-content.ts';

/** What an engine says of a file, and how its bytes come. */
type Script = (signal: AbortSignal) => EngineFile;

/** The files of an engine: what a test put there, as the test wants it to come. Of the engine nothing else is there. */
export class MediaEngine implements EngineMedia {
	readonly worker: Worker = {id: 'worker-1', name: 'w1', kind: 'waha', engine: 'NOWEB', capacity: 100};
	/** Every call, as `method subject`. */
	readonly calls: string[] = [];
	/** Transfers that were begun and not ended by their signal. */
	transfers = 0;
	/** Thrown by every call while set. */
	failure: Error | undefined;
	readonly #files = new Map<string, Script>();

	get engine(): WhatsAppEngine {
		return {media: this} as Partial<WhatsAppEngine> as WhatsAppEngine;
	}

	/** @param subject a URL, a file's name, or a message's full id */
	serve(subject: string, bytes: Buffer, changes: Partial<EngineFile> = {}): void {
		this.script(subject, () => ({
			contentType: 'application/octet-stream',
			sizeBytes: bytes.length,
			content: inChunks(bytes),
			...changes,
		}));
	}

	script(subject: string, script: Script): void {
		this.#files.set(subject, script);
	}

	forget(subject: string): void {
		this.#files.delete(subject);
	}

	open(_session: string, url: string, signal: AbortSignal): Promise<EngineFile> {
		return this.#open('open', url, signal);
	}

	openByName(_session: string, filename: string, signal: AbortSignal): Promise<EngineFile> {
		return this.#open('openByName', filename, signal);
	}

	async openOfMessage(
		_session: string,
		{messageId}: MessageTarget,
		signal: AbortSignal,
	): Promise<EngineFile & {readonly filename: string}> {
		const file = await this.#open('openOfMessage', messageId, signal);
		return {...file, filename: `${messageId}.again.jpeg`};
	}

	async #open(method: string, subject: string, signal: AbortSignal): Promise<EngineFile> {
		this.calls.push(`${method} ${subject}`);
		await Promise.resolve();
		if (this.failure !== undefined) throw this.failure;
		const script = this.#files.get(subject);
		if (script === undefined) throw new EngineError('MEDIA_NOT_FOUND', 'the engine has no such file');
		this.transfers++;
		signal.addEventListener('abort', () => this.transfers--, {once: true});
		return script(signal);
	}
}
