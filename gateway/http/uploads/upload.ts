import type {FileSource} from '../../../domain/messaging/outbound.ts';

/**
 * A file that came in a body, in the media store already. It is removed when its request has ended, unless somebody took it over.
 */
export class Upload {
	readonly filename: string;
	readonly sha256: string;
	readonly sizeBytes: number;
	#isTaken = false;

	constructor({filename, sha256, sizeBytes}: Pick<Upload, 'filename' | 'sha256' | 'sizeBytes'>) {
		this.filename = filename;
		this.sha256 = sha256;
		this.sizeBytes = sizeBytes;
	}

	get isTaken(): boolean {
		return this.#isTaken;
	}

	/** From now on the file is the caller's to send and to remove. */
	take(): FileSource {
		this.#isTaken = true;
		return {kind: 'stored', filename: this.filename, sha256: this.sha256};
	}
}
